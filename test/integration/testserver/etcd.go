// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const startTimeout = time.Minute

// StartEtcd starts a real etcd of one member on loopback and returns the URL
// under which it serves. It ends with the test.
func StartEtcd(tb testing.TB) string {
	tb.Helper()
	program := etcdProgram(tb)
	client, peer := freeURL(tb), freeURL(tb)
	dir := tb.TempDir()
	logFile, err := os.Create(filepath.Join(dir, "etcd.log"))
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program,
		"--data-dir", filepath.Join(dir, "data"),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer,
		// Tests prove nothing about a power failure here, and run faster.
		"--unsafe-no-fsync", "--log-level", "warn")
	cmd.Stdout, cmd.Stderr = logFile, logFile
	// Not left behind should the test be killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("starting etcd: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // that it was killed is no news
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		_ = logFile.Close()
	})
	if err := waitHealthy(tb.Context(), client, exited); err != nil {
		log, _ := os.ReadFile(logFile.Name())
		tb.Fatalf("etcd did not become healthy: %v\n%s", err, log)
	}
	return client
}

// etcdProgram finds the etcd that hack/cluster/build.sh built.
func etcdProgram(tb testing.TB) string {
	tb.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		tb.Fatalf("finding the root of the module: %v", err)
	}
	script := filepath.Join(strings.TrimSpace(string(root)), "hack", "cluster", "build.sh")
	dir, err := exec.Command(script, "--print-dir").Output()
	if err != nil {
		tb.Fatalf("asking %s for the directory of programs: %v", script, err)
	}
	program := filepath.Join(strings.TrimSpace(string(dir)), "etcd")
	if _, err := os.Stat(program); err != nil {
		tb.Fatalf("no etcd: %v; run hack/cluster/build.sh etcd", err)
	}
	return program
}

func freeURL(tb testing.TB) string {
	tb.Helper()
	listener := listen(tb)
	defer func() { _ = listener.Close() }()
	return "http://" + listener.Addr().String()
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return listener
}

func waitHealthy(ctx context.Context, url string, exited <-chan struct{}) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		select {
		case <-exited:
			return false, errors.New("it exited")
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", nil)
		if err != nil {
			return false, fmt.Errorf("building a request: %w", err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil // not up yet
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK, nil
	})
}
