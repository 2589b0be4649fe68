// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/events-apiserver/events-apiserver/test/freeport"
)

// Ports of the components on 127.0.0.1. A zero port is replaced by a free one.
type Ports struct {
	Etcd                  int `json:"etcd"`
	EtcdPeer              int `json:"etcdPeer"`
	EventsEtcd            int `json:"eventsEtcd"`
	EventsEtcdPeer        int `json:"eventsEtcdPeer"`
	KubeAPIServer         int `json:"kubeAPIServer"`
	KubeControllerManager int `json:"kubeControllerManager"`
	KubeScheduler         int `json:"kubeScheduler"`
	EventsAPIServer       int `json:"eventsAPIServer"`
}

// DefaultPorts are the fixed ports of the one cluster that a person works with.
// Nobody talks to the controller manager or the scheduler, so theirs are free ones.
func DefaultPorts() Ports {
	return Ports{
		Etcd: 12379, EtcdPeer: 12380,
		EventsEtcd: 12381, EventsEtcdPeer: 12382,
		KubeAPIServer: 16443, EventsAPIServer: 16444,
	}
}

// NamedPort ties a port to the component that listens on it and to the one
// name under which flags, environment variables and errors speak of it.
type NamedPort struct {
	Name      string
	Component string
	Value     *int
}

// Named lists the ports of p; setting through Value changes p.
func (p *Ports) Named() []NamedPort {
	return []NamedPort{
		{"etcd-port", Etcd, &p.Etcd},
		{"etcd-peer-port", Etcd, &p.EtcdPeer},
		{"events-etcd-port", EventsEtcd, &p.EventsEtcd},
		{"events-etcd-peer-port", EventsEtcd, &p.EventsEtcdPeer},
		{"kube-apiserver-port", KubeAPIServer, &p.KubeAPIServer},
		{"kube-controller-manager-port", KubeControllerManager, &p.KubeControllerManager},
		{"kube-scheduler-port", KubeScheduler, &p.KubeScheduler},
		{"events-apiserver-port", EventsAPIServer, &p.EventsAPIServer},
	}
}

// Env is the environment variable that sets the port for the local cluster.
func (n NamedPort) Env() string {
	return "EVENTS_LOCAL_" + strings.ToUpper(strings.ReplaceAll(n.Name, "-", "_"))
}

// PortTakenError is returned if the port of a component is in use.
type PortTakenError struct {
	Port NamedPort
	Err  error
}

// Error names the port, the component, and what changes it.
func (t *PortTakenError) Error() string {
	return fmt.Sprintf("port %d, needed by %s, is taken by another program: end that program, or choose another port with --%s or %s (%v)",
		*t.Port.Value, t.Port.Component, t.Port.Name, t.Port.Env(), t.Err)
}

// Unwrap returns the error of the operating system.
func (t *PortTakenError) Unwrap() error { return t.Err }

// check returns an error if the port cannot be listened on now.
func (n NamedPort) check() error {
	listener, err := freeport.ListenAt(*n.Value)
	if err != nil {
		return &PortTakenError{Port: n, Err: err}
	}
	return listener.Close()
}

// reservations keep chosen ports from being chosen again, by another cluster in
// this process or outside, until their component is about to listen.
type reservations map[int]net.Listener

// reserve gives every zero port of the components a free one and holds it.
func (p *Ports) reserve(components []string) (reservations, error) {
	held := reservations{}
	for _, port := range p.Named() {
		if *port.Value != 0 || !slices.Contains(components, port.Component) {
			continue
		}
		listener, err := freeport.Listen()
		if err != nil {
			held.releaseAll()
			return nil, fmt.Errorf("finding a free port for %s: %w", port.Component, err)
		}
		*port.Value = freeport.Of(listener)
		held[*port.Value] = listener
	}
	return held, nil
}

func (r reservations) release(port int) {
	if listener, ok := r[port]; ok {
		_ = listener.Close()
		delete(r, port)
	}
}

func (r reservations) releaseAll() {
	for port := range r {
		r.release(port)
	}
}
