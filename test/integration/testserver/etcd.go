// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package testserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/events-apiserver/events-apiserver/test/freeport"
)

const (
	startTimeout = time.Minute
	// etcdStarts bounds how often etcd is started, each time at other ports, when
	// another program took one of them before etcd listened.
	etcdStarts = 5
	portTaken  = "address already in use"
)

// StartEtcd starts a real etcd of one member on loopback and returns the URL
// under which it serves. It ends with the test.
func StartEtcd(tb testing.TB) string {
	tb.Helper()
	program := etcdProgram(tb)
	for try := 1; ; try++ {
		url, log, err := startEtcd(tb, program)
		if err == nil {
			return url
		}
		if try == etcdStarts || !strings.Contains(log, portTaken) {
			tb.Fatalf("etcd did not become healthy: %v\n%s", err, log)
		}
	}
}

// startEtcd returns what etcd logged with an error.
func startEtcd(tb testing.TB, program string) (url, log string, err error) {
	tb.Helper()
	client, peer := freeURLs(tb)
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
		return "", string(log), err
	}
	return client, "", nil
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

func freeURLs(tb testing.TB) (client, peer string) {
	tb.Helper()
	ports, err := freeport.Choose(2)
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1])
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
