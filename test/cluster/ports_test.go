// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/events-apiserver/events-apiserver/test/freeport"
)

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	listener, err := freeport.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	ports := DefaultPorts()
	ports.KubeAPIServer = freeport.Of(listener)
	err = portOf(t, &ports, KubeAPIServer).check()

	taken := (*PortTakenError)(nil)
	if !errors.As(err, &taken) {
		t.Fatalf("got error %v, want a *PortTakenError", err)
	}
	for _, want := range []string{KubeAPIServer, "--kube-apiserver-port", "EVENTS_LOCAL_KUBE_APISERVER_PORT", listener.Addr().String()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	waitFree(t, portOf(t, &ports, KubeAPIServer))
}

func TestReservedPortsAreHeldUntilReleased(t *testing.T) {
	t.Parallel()
	ports := DefaultPorts()
	ports.KubeAPIServer, ports.Etcd = 0, 0
	held, err := ports.reserve([]string{KubeAPIServer, EventsEtcd})
	if err != nil {
		t.Fatal(err)
	}
	defer held.releaseAll()
	if ports.Etcd != 0 {
		t.Errorf("port %d is held for a component that does not run", ports.Etcd)
	}
	if got, want := ports.EventsEtcd, DefaultPorts().EventsEtcd; got != want {
		t.Errorf("a port that was given became %d, want %d", got, want)
	}
	chosen := portOf(t, &ports, KubeAPIServer)
	if err := chosen.check(); err == nil {
		t.Errorf("port %d is not held", *chosen.Value)
	}
	held.release(*chosen.Value)
	waitFree(t, chosen)
}

func TestClustersSideBySideShareNoPort(t *testing.T) {
	t.Parallel()
	seen := map[int]string{}
	for range 20 {
		c, err := New(Config{Dir: t.TempDir(), ToolsDir: "/tools", RepoDir: "/checkout", EventsAPIServer: "/server", Store: StoreEtcd})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.releaseAll)
		ports := c.Config().Ports
		for _, port := range ports.Named() {
			if other, dup := seen[*port.Value]; dup {
				t.Errorf("port %d is both %s and %s", *port.Value, other, port.Name)
			}
			seen[*port.Value] = port.Name
		}
	}
}

// waitFree waits, as a program that another test starts at this moment may share
// our closed listener for a moment more.
func waitFree(t *testing.T, port NamedPort) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := poll(ctx, processPoll, func(context.Context) error { return port.check() }); err != nil {
		t.Errorf("waiting for the port to be free: %v", err)
	}
}

func portOf(t *testing.T, ports *Ports, component string) NamedPort {
	t.Helper()
	for _, port := range ports.Named() {
		if port.Component == component {
			return port
		}
	}
	t.Fatalf("no port of %s", component)
	return NamedPort{}
}
