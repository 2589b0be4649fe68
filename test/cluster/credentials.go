// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
)

const (
	adminName = "admin"
	// frontProxyUser is the only name with which kube-apiserver may send the headers of the
	// authenticated user to an aggregated server.
	frontProxyUser = "front-proxy-client"
	// serverAccount is the service account of the Deployment in artifacts/.
	serverNamespace = "events-apiserver"
	serverAccount   = "events-apiserver"
	// serviceIP is the first address of serviceRange: the one under which pods
	// know kube-apiserver.
	serviceRange = "10.96.0.0/16"
	serviceIP    = "10.96.0.1"
)

// Files below layout.pki.
const (
	caCert, caKey                   = "ca.crt", "ca.key"
	proxyCACert, proxyCAKey         = "front-proxy-ca.crt", "front-proxy-ca.key"
	proxyCert, proxyKey             = "front-proxy-client.crt", "front-proxy-client.key"
	accountKey                      = "service-account.key"
	apiserverCert, apiserverKey     = "kube-apiserver.crt", "kube-apiserver.key"
	managerCert, managerKey         = "kube-controller-manager.crt", "kube-controller-manager.key"
	schedulerCert, schedulerKey     = "kube-scheduler.crt", "kube-scheduler.key"
	adminClientCert, adminClientKey = "admin.crt", "admin.key"
)

// prepareCredentials creates the credentials of the components. The authorities and the service
// account key are kept from an earlier start; certificates are issued at each start, so that
// none expires in a directory that is kept.
func (c *Cluster) prepareCredentials() error {
	if err := c.prepareAccountKey(); err != nil {
		return err
	}
	ca, err := c.authority()
	if err != nil {
		return err
	}
	proxyCA, err := openAuthority(c.layout.pki(proxyCACert), c.layout.pki(proxyCAKey), "events-local-front-proxy-ca")
	if err != nil {
		return err
	}
	serving := func(name string, hosts ...string) leaf {
		return leaf{
			name: name, hosts: append(hosts, "localhost"),
			ips: []net.IP{net.ParseIP(loopback), net.ParseIP(serviceIP)}, usage: x509.ExtKeyUsageServerAuth,
		}
	}
	client := func(name string, groups ...string) leaf {
		return leaf{name: name, groups: groups, usage: x509.ExtKeyUsageClientAuth}
	}
	for _, want := range []struct {
		by        *authority
		leaf      leaf
		cert, key string
	}{
		{ca, serving(KubeAPIServer, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"), apiserverCert, apiserverKey},
		{ca, serving(KubeControllerManager), managerCert, managerKey},
		{ca, serving(KubeScheduler), schedulerCert, schedulerKey},
		{ca, client("events-local-admin", "system:masters"), adminClientCert, adminClientKey},
		{proxyCA, client(frontProxyUser), proxyCert, proxyKey},
	} {
		if err := c.issueFiles(want.by, want.leaf, want.cert, want.key); err != nil {
			return err
		}
	}
	return c.prepareKubeconfigs()
}

func (c *Cluster) authority() (*authority, error) {
	return openAuthority(c.layout.pki(caCert), c.layout.pki(caKey), "events-local-ca")
}

func (c *Cluster) issueFiles(by *authority, l leaf, cert, key string) error {
	issued, err := by.issue(l)
	if err != nil {
		return err
	}
	if err := writeFile(c.layout.pki(key), issued.key); err != nil {
		return err
	}
	return writeFile(c.layout.pki(cert), issued.certificate)
}

// prepareAccountKey makes the key that signs service account tokens.
func (c *Cluster) prepareAccountKey() error {
	file := c.layout.pki(accountKey)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	data, err := encodeKey(key)
	if err != nil {
		return err
	}
	return writeFile(file, data)
}

// prepareKubeconfigs gives each component its own user, with the rights that
// Kubernetes' default roles give it and no more.
func (c *Cluster) prepareKubeconfigs() error {
	account := fmt.Sprintf("system:serviceaccount:%s:%s", serverNamespace, serverAccount)
	for _, user := range []struct {
		file, name string
		groups     []string
	}{
		{adminName, "events-local-admin", []string{"system:masters"}},
		{KubeControllerManager, "system:kube-controller-manager", nil},
		{KubeScheduler, "system:kube-scheduler", nil},
		// The same user and groups that a token of the Deployment's service account
		// stands for, so that the RBAC objects in artifacts/ are what lets it in.
		{EventsAPIServer, account, []string{"system:serviceaccounts", "system:serviceaccounts:" + serverNamespace, "system:authenticated"}},
	} {
		if err := c.writeKubeconfig(c.layout.kubeconfig(user.file), user.name, user.groups); err != nil {
			return err
		}
	}
	return nil
}
