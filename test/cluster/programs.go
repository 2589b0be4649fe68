// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// program is what differs from component to component.
type program struct {
	path  string
	args  []string
	probe func(context.Context) error
}

// advertised is the address that kube-apiserver names as its own. Loopback is
// rejected there, and no client connects to it: this one is reserved for examples.
const advertised = "192.0.2.1"

// programs are the command lines of all components that a cluster may have, by
// component name.
func (c *Cluster) programs() map[string]program {
	all := map[string]program{
		Etcd:                  c.etcd(Etcd, c.config.Ports.Etcd, c.config.Ports.EtcdPeer),
		EventsEtcd:            c.etcd(EventsEtcd, c.config.Ports.EventsEtcd, c.config.Ports.EventsEtcdPeer),
		KubeAPIServer:         c.kubeAPIServer(),
		KubeControllerManager: c.kubeControllerManager(),
		KubeScheduler:         c.kubeScheduler(),
		EventsAPIServer:       c.eventsAPIServer(),
	}
	for name, extra := range c.config.ExtraArgs {
		if p, ok := all[name]; ok {
			p.args = append(p.args, extra...)
			all[name] = p
		}
	}
	return all
}

func (c *Cluster) tool(name string) string { return filepath.Join(c.config.ToolsDir, name) }

// secure is the probe of a component with a certificate from the cluster's
// authority.
func (c *Cluster) secure(port int, path string) func(context.Context) error {
	return probeHTTP(fmt.Sprintf("https://%s:%d%s", loopback, port, path), trust{
		ca:   c.layout.pki(caCert),
		cert: c.layout.pki(adminClientCert),
		key:  c.layout.pki(adminClientKey),
	})
}

func (c *Cluster) etcd(name string, port, peerPort int) program {
	client, peer := plainURL(port), plainURL(peerPort)
	args := []string{
		"--name=" + name,
		"--data-dir=" + c.layout.data(name),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=" + name + "=" + peer,
		"--log-level=warn",
		// The default of 2 GiB is soon full of events in a load test.
		"--quota-backend-bytes=8589934592",
	}
	if c.config.UnsafeNoFsync {
		args = append(args, "--unsafe-no-fsync")
	}
	return program{path: c.tool("etcd"), args: args, probe: probeHTTP(client+"/readyz", trust{})}
}

func (c *Cluster) kubeAPIServer() program {
	port := c.config.Ports.KubeAPIServer
	return program{
		path: c.tool(KubeAPIServer),
		args: []string{
			"--etcd-servers=" + plainURL(c.config.Ports.Etcd),
			"--bind-address=" + loopback,
			fmt.Sprintf("--secure-port=%d", port),
			"--advertise-address=" + advertised,
			"--endpoint-reconciler-type=none",
			"--authorization-mode=RBAC",
			"--service-cluster-ip-range=" + serviceRange,
			"--tls-cert-file=" + c.layout.pki(apiserverCert),
			"--tls-private-key-file=" + c.layout.pki(apiserverKey),
			"--client-ca-file=" + c.layout.pki(caCert),
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-signing-key-file=" + c.layout.pki(accountKey),
			"--service-account-key-file=" + c.layout.pki(accountKey),
			"--requestheader-client-ca-file=" + c.layout.pki(proxyCACert),
			"--requestheader-allowed-names=" + frontProxyUser,
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-uid-headers=X-Remote-Uid",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + c.layout.pki(proxyCert),
			"--proxy-client-key-file=" + c.layout.pki(proxyKey),
			// Without it a stop waits a minute for open watches.
			"--shutdown-watch-termination-grace-period=5s",
		},
		probe: c.secure(port, "/readyz"),
	}
}

// One of each runs, so electing a leader would only delay a restart.
const noElection = "--leader-elect=false"

func (c *Cluster) kubeControllerManager() program {
	port := c.config.Ports.KubeControllerManager
	return program{
		path: c.tool(KubeControllerManager),
		args: append(c.delegating(KubeControllerManager, port, managerCert, managerKey),
			noElection,
			"--use-service-account-credentials=true",
			"--service-account-private-key-file="+c.layout.pki(accountKey),
			"--root-ca-file="+c.layout.pki(caCert),
			"--cluster-signing-cert-file="+c.layout.pki(caCert),
			"--cluster-signing-key-file="+c.layout.pki(caKey),
		),
		probe: c.secure(port, "/healthz"),
	}
}

func (c *Cluster) kubeScheduler() program {
	port := c.config.Ports.KubeScheduler
	return program{
		path:  c.tool(KubeScheduler),
		args:  append(c.delegating(KubeScheduler, port, schedulerCert, schedulerKey), noElection),
		probe: c.secure(port, "/readyz"),
	}
}

// eventsAPIServer makes its own serving certificate, as it does for a person who
// gives it none.
func (c *Cluster) eventsAPIServer() program {
	port := c.config.Ports.EventsAPIServer
	args := slices.Concat([]string{"serve"}, c.hostKubeconfigs(EventsAPIServer), c.store(), []string{
		"--bind-address=" + loopback,
		fmt.Sprintf("--secure-port=%d", port),
		"--cert-dir=" + c.layout.serverCerts(),
	})
	return program{
		path:  c.config.EventsAPIServer,
		args:  args,
		probe: probeHTTP(fmt.Sprintf("https://%s:%d/readyz", loopback, port), trust{ca: c.serverCA()}),
	}
}

// store are the flags about the store.
func (c *Cluster) store() []string {
	if c.config.Store == StoreEtcd {
		return []string{"--storage=" + StoreEtcd, "--etcd-servers=" + plainURL(c.config.Ports.EventsEtcd)}
	}
	return []string{"--data-dir=" + c.layout.data(EventsAPIServer)}
}

// serverCA signs the certificate that events-apiserver makes for itself.
func (c *Cluster) serverCA() string { return filepath.Join(c.layout.serverCerts(), "ca.crt") }

// delegating are the flags of a component that serves HTTPS and asks
// kube-apiserver who may read it.
func (c *Cluster) delegating(name string, port int, cert, key string) []string {
	return append(c.hostKubeconfigs(name),
		"--bind-address="+loopback,
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file="+c.layout.pki(cert),
		"--tls-private-key-file="+c.layout.pki(key),
	)
}

func (c *Cluster) hostKubeconfigs(name string) []string {
	file := c.layout.kubeconfig(name)
	return []string{
		"--kubeconfig=" + file,
		"--authentication-kubeconfig=" + file,
		"--authorization-kubeconfig=" + file,
	}
}

func plainURL(port int) string { return fmt.Sprintf("http://%s:%d", loopback, port) }
