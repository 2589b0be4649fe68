// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// store is a Store of functions of the test.
type store struct {
	snapshot func(ctx context.Context, w io.Writer) error
	compact  func(upTo uint64) (uint64, error)
	imports  func(r io.Reader) (transfer.Result, error)
	rewrite  func(progress func(Rewrite)) (Rewrite, error)
}

// Snapshot implements Store.
func (s store) Snapshot(ctx context.Context, w io.Writer) error { return s.snapshot(ctx, w) }

// Compact implements Store.
func (s store) Compact(_ context.Context, upTo uint64) (uint64, error) { return s.compact(upTo) }

// Export implements Store with the stream of a snapshot.
func (s store) Export(ctx context.Context, w io.Writer) error { return s.snapshot(ctx, w) }

// Import implements Store.
func (s store) Import(_ context.Context, r io.Reader) (transfer.Result, error) { return s.imports(r) }

// Rewrite implements Store.
func (s store) Rewrite(_ context.Context, progress func(Rewrite)) (Rewrite, error) {
	return s.rewrite(progress)
}

func serve(t *testing.T, dir string, s store) *Server {
	t.Helper()
	server, err := Serve(t.Context(), dir, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func snapshot(t *testing.T, dir string) (string, error) {
	t.Helper()
	body, err := NewClient(dir).Snapshot(t.Context())
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(body)
	return string(content), errors.Join(err, body.Close())
}

// TestSnapshot reads what the store writes, also with a path of the socket that is too long
// for the kernel.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("content ", 1<<16)
	for _, length := range []int{0, maxSocketPath, 300} {
		dir := t.TempDir()
		for len(dir)+len(SocketName)+1 < length {
			missing := length - len(dir) - len(SocketName) - 1
			dir = filepath.Join(dir, strings.Repeat("d", min(max(missing-1, 1), 200)))
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		serve(t, dir, store{snapshot: func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		}})
		if got, err := snapshot(t, dir); err != nil || got != content {
			t.Errorf("a path of %d bytes: %d bytes and %v", length, len(got), err)
		}
	}
}

func TestSnapshot_Failures(t *testing.T) {
	t.Parallel()
	for _, written := range []int{0, 1, 1 << 20} {
		dir := t.TempDir()
		serve(t, dir, store{snapshot: func(_ context.Context, w io.Writer) error {
			if _, err := w.Write(bytes.Repeat([]byte("x"), written)); err != nil {
				return err
			}
			return errors.New("the disk is full\nand the moon, too")
		}})
		got, err := snapshot(t, dir)
		if err == nil || !strings.Contains(err.Error(), "the disk is full") || len(got) > written {
			t.Errorf("after %d bytes: %d bytes and %v, want the reason", written, len(got), err)
		}
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, store{compact: func(upTo uint64) (uint64, error) {
		if upTo > 100 {
			return 0, fmt.Errorf("compacting: %w", &BadRequestError{Reason: "revision 101 is not there yet"})
		}
		return upTo + 1, nil
	}})
	client := NewClient(dir)
	for asked, want := range map[uint64]uint64{0: 1, 41: 42} {
		if done, err := client.Compact(t.Context(), asked); err != nil || done.CompactRevision != want {
			t.Errorf("compacting to %d: %+v and %v, want %d", asked, done, err, want)
		}
	}
	if _, err := client.Compact(t.Context(), 101); err == nil || !strings.Contains(err.Error(), "revision 101 is not there yet") {
		t.Errorf("a future revision: %v", err)
	}
}

// TestRequests sends requests that the client never makes.
func TestRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, store{compact: func(uint64) (uint64, error) { return 0, errors.New("no") }})
	client := NewClient(dir)
	for request, want := range map[string]int{
		"POST /compact":              http.StatusInternalServerError,
		"POST /compact?revision=x":   http.StatusBadRequest,
		"POST /compact?revision=0":   http.StatusBadRequest,
		"POST /compact?revision=-1":  http.StatusBadRequest,
		"GET /compact":               http.StatusMethodNotAllowed,
		"POST /snapshot":             http.StatusMethodNotAllowed,
		"GET /":                      http.StatusNotFound,
		"GET /snapshot/../../../etc": http.StatusNotFound,
	} {
		method, path, _ := strings.Cut(request, " ")
		built, err := http.NewRequestWithContext(t.Context(), method, "http://server"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.http.Do(built)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d", request, response.StatusCode, want)
		}
	}
}

// TestSocket checks that only the owner may use the socket, that it replaces the one of a
// killed server, and that it is removed with its server.
func TestSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, SocketName)
	if _, err := snapshot(t, dir); !errors.Is(err, ErrNoServer) {
		t.Errorf("without a socket: %v, want ErrNoServer", err)
	}
	left, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot(t, dir); !errors.Is(err, ErrNoServer) {
		t.Errorf("with the socket of a killed server: %v, want ErrNoServer", err)
	}
	server := serve(t, dir, store{snapshot: func(context.Context, io.Writer) error { return nil }})
	info, err := os.Stat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket is %v and %v", info.Mode(), err)
	}
	if _, err := snapshot(t, dir); err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket outlived its server: %v", err)
	}
	if _, err := snapshot(t, dir); !errors.Is(err, ErrNoServer) {
		t.Errorf("after Close: %v, want ErrNoServer", err)
	}
	if _, err := Serve(t.Context(), filepath.Join(dir, "absent"), store{}); err == nil {
		t.Error("no error for a directory that does not exist")
	}
}

// TestClose_AbortsRequests aborts a snapshot that would never end.
func TestClose_AbortsRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, ended := make(chan struct{}), make(chan error, 1)
	server := serve(t, dir, store{snapshot: func(ctx context.Context, w io.Writer) error {
		if _, err := w.Write([]byte("x")); err != nil {
			return err
		}
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}})
	read := make(chan error, 1)
	go func() {
		_, err := snapshot(t, dir)
		read <- err
	}()
	<-begun
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the store's context ended with %v", err)
	}
	if err := <-read; err == nil {
		t.Error("the client got no error for an incomplete snapshot")
	}
}
