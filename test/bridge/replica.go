// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
	"github.com/events-apiserver/events-apiserver/test/freeport"
)

// direct is a client of the cluster's events-apiserver that does not go through
// kube-apiserver.
func (h *Host) direct(t *testing.T) *client {
	t.Helper()
	return clientOf(t, h.Direct(t, h.Rest))
}

func clientOf(t *testing.T, config *rest.Config) *client {
	t.Helper()
	made, err := newClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// startReplica runs a second events-apiserver on the same etcd, with the same
// way to the host, and returns a client of it.
func (h *Host) startReplica(t *testing.T) *client {
	t.Helper()
	port, err := freeport.ChooseOne()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	own := filepath.Join(h.Config().Dir, cluster.EventsAPIServer+".kubeconfig")
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := h.proxy.writeKubeconfig(kubeconfig); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(h.Config().Dir, "logs", "replica.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), h.Config().EventsAPIServer, "serve",
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+own, "--authorization-kubeconfig="+own,
		"--host-events="+hostEvents(),
		"--storage="+cluster.StoreEtcd, fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", h.Config().Ports.EventsEtcd),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port), "--cert-dir="+dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The child gets its signal when the thread ends that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // that it was ended is no news
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		<-ended
		_ = log.Close()
	})
	var replica *client
	clustertest.Eventually(t, "the second replica", func(ctx context.Context) error {
		ca := filepath.Join(dir, "ca.crt")
		if _, err := os.Stat(ca); err != nil {
			return err
		}
		replica = clientOf(t, clustertest.At(h.Rest, port, ca))
		response, err := replica.send(ctx, http.MethodGet, "/readyz", nil, "", nil)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", response.Status)
		}
		return nil
	})
	return replica
}
