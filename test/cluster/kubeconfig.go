// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/x509"
	"fmt"
	"net/url"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// contextName is the context in every kubeconfig of the cluster.
const contextName = "events-local"

// AdminKubeconfig is the kubeconfig of a user with all rights.
func (c *Cluster) AdminKubeconfig() string { return c.layout.kubeconfig(adminName) }

// AdminConfig is the client configuration of a user with all rights.
func (c *Cluster) AdminConfig() (*rest.Config, error) { return clientConfig(c.AdminKubeconfig()) }

// UserKubeconfig makes a user known to the cluster and returns the file with
// its credentials. The user has the rights that RBAC gives to its name and
// groups: none at first, but for what everybody has.
func (c *Cluster) UserKubeconfig(name string, groups ...string) (string, error) {
	file := c.layout.userKubeconfig(fileName(name))
	return file, c.writeKubeconfig(file, name, groups)
}

// UserConfig is UserKubeconfig as a client configuration.
func (c *Cluster) UserConfig(name string, groups ...string) (*rest.Config, error) {
	file, err := c.UserKubeconfig(name, groups...)
	if err != nil {
		return nil, err
	}
	return clientConfig(file)
}

func clientConfig(file string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig %s: %w", file, err)
	}
	return config, nil
}

// writeKubeconfig embeds the credentials, so that the file works wherever it is
// copied to.
func (c *Cluster) writeKubeconfig(file, name string, groups []string) error {
	ca, err := c.authority()
	if err != nil {
		return err
	}
	issued, err := ca.issue(leaf{name: name, groups: groups, usage: x509.ExtKeyUsageClientAuth})
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[contextName] = &clientcmdapi.Cluster{
		Server:                   fmt.Sprintf("https://%s:%d", loopback, c.config.Ports.KubeAPIServer),
		CertificateAuthorityData: ca.pem,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: issued.certificate,
		ClientKeyData:         issued.key,
	}
	config.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: name}
	config.CurrentContext = contextName
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig of %s: %w", name, err)
	}
	return writeFile(file, data)
}

// fileName keeps a user's name from reaching outside of its directory, and
// colons out of what may become a KUBECONFIG, which is a list with colons.
func fileName(user string) string { return url.QueryEscape(user) }

// Version returns the version of kube-apiserver.
func (c *Cluster) Version() (string, error) {
	config, err := c.AdminConfig()
	if err != nil {
		return "", err
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return "", fmt.Errorf("making a discovery client: %w", err)
	}
	version, err := client.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("asking kube-apiserver for its version: %w", err)
	}
	return version.GitVersion, nil
}
