// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// followed is a kubectl that goes on running, and prints.
type followed struct {
	lines <-chan string
	// seen are all lines so far, for who must find out why one did not come.
	seen []string
}

// follow starts a kubectl that goes on running until it or the test ends.
func (k *kubectl) follow(t *testing.T, args ...string) *followed {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := k.command(t, args...)
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := errors.Join(cmd.Start(), writer.Close()); err != nil {
		t.Fatalf("starting kubectl %s: %v", strings.Join(args, " "), err)
	}
	// More than any test prints, so that the reader never waits for the test.
	lines := make(chan string, 10000)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // that it was killed is no news
		for range lines {      // until the reader has ended
		}
		_ = reader.Close() // all has been read
	})
	return &followed{lines: lines}
}

// expect reads on until a line has all texts, each after the one before.
func (f *followed) expect(t *testing.T, texts ...string) {
	t.Helper()
	deadline := time.After(clustertest.Limit)
	for {
		select {
		case line, open := <-f.lines:
			if !open {
				t.Fatalf("kubectl ended without printing %q; it printed:\n%s", texts, strings.Join(f.seen, "\n"))
			}
			f.seen = append(f.seen, line)
			if inOrder(line, texts) {
				return
			}
		case <-deadline:
			t.Fatalf("waited %s in vain for kubectl to print %q; it printed:\n%s", clustertest.Limit, texts, strings.Join(f.seen, "\n"))
		}
	}
}

func inOrder(line string, texts []string) bool {
	for _, text := range texts {
		_, after, found := strings.Cut(line, text)
		if !found {
			return false
		}
		line = after
	}
	return true
}
