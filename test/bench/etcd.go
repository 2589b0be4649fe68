// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/events-apiserver/events-apiserver/test/freeport"
)

// etcd is a real etcd of one member, with fsync and the usual settings, and
// room for as much as etcd allows.
type etcd struct {
	url    string
	cmd    *exec.Cmd
	exited chan struct{}
}

func startEtcd(ctx context.Context, program, dir string) (*etcd, error) {
	ports, err := freeport.Choose(2)
	if err != nil {
		return nil, err
	}
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", ports[0]), fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory for etcd: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("starting etcd: %w", err)
	}
	defer func() { _ = log.Close() }()
	const quota = 8 << 30
	cmd := exec.CommandContext(ctx, program, "--name=bench", "--data-dir="+filepath.Join(dir, "data"), "--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=bench="+peer,
		fmt.Sprintf("--quota-backend-bytes=%d", int64(quota)))
	cmd.Stdout, cmd.Stderr = log, log
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting etcd: %w", err)
	}
	e := &etcd{url: client, cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(e.exited)
		_ = cmd.Wait() // that it was ended is no news
	}()
	if err := waitAnswer(ctx, http.DefaultClient, client+"/health", e.exited); err != nil {
		e.stop()
		return nil, fmt.Errorf("starting etcd, see %s: %w", log.Name(), err)
	}
	return e, nil
}

func (e *etcd) stop() {
	_ = e.cmd.Process.Kill()
	<-e.exited
}

func (e *etcd) flags() storeFlags { return storeFlags{EtcdURL: e.url, EtcdPID: e.cmd.Process.Pid} }

// waitAnswer returns when a GET of the URL is answered with 200, or when the
// program that should answer has exited.
func waitAnswer(ctx context.Context, client *http.Client, url string, exited <-chan struct{}) error {
	const timeout = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("building a request: %w", err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-exited:
			return errors.New("it exited")
		default:
		}
		if err := sleep(ctx, 2*time.Millisecond); err != nil {
			return fmt.Errorf("it does not answer %s: %w", strings.TrimSpace(url), err)
		}
	}
}
