// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	apiserverapi "k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/path"
	"k8s.io/apiserver/pkg/authorization/union"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/pkg/pki"
)

// adminLifetime is how long the administrator's certificate is valid; a new one
// is made at every start.
const adminLifetime = 365 * 24 * time.Hour

// applyStandalone does what a cluster does otherwise: it authenticates by client
// certificates of the server's own authority, and lets administrators do
// everything and nobody else anything.
func applyStandalone(o options.CompletedOptions, generic *genericapiserver.RecommendedConfig) error {
	recommended := *o.Recommended
	recommended.CoreAPI = nil
	recommended.Authentication = nil
	recommended.Authorization = nil
	recommended.Admission = nil
	features := *recommended.Features
	features.EnablePriorityAndFairness = false // its settings live in a cluster
	recommended.Features = &features
	if err := recommended.ApplyTo(generic); err != nil {
		return fmt.Errorf("applying the options: %w", err)
	}
	if err := authenticateStandalone(o, &generic.Config); err != nil {
		return err
	}
	if err := authorizeStandalone(o, &generic.Config); err != nil {
		return err
	}
	return writeAdminKubeconfig(o)
}

func authenticateStandalone(o options.CompletedOptions, config *genericapiserver.Config) error {
	caFile := filepath.Join(o.Recommended.SecureServing.ServerCert.CertDirectory, pki.CAFile)
	ca, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", caFile)
	if err != nil {
		return fmt.Errorf("loading the authority of client certificates: %w", err)
	}
	if err := config.Authentication.ApplyClientCert(ca, config.SecureServing); err != nil {
		return fmt.Errorf("asking for client certificates: %w", err)
	}
	authentication := authenticatorfactory.DelegatingAuthenticatorConfig{
		ClientCertificateCAContentProvider: ca,
		Anonymous:                          anonymousFor(o.Recommended.Authorization.AlwaysAllowPaths),
	}
	authenticator, _, err := authentication.New()
	if err != nil {
		return fmt.Errorf("setting up authentication: %w", err)
	}
	config.Authentication.Authenticator = authenticator
	return nil
}

// anonymousFor lets requests without credentials in for some paths alone, the
// probes; others are told that they need credentials.
func anonymousFor(paths []string) *apiserverapi.AnonymousAuthConfig {
	config := &apiserverapi.AnonymousAuthConfig{Enabled: true}
	for _, p := range paths {
		config.Conditions = append(config.Conditions, apiserverapi.AnonymousAuthCondition{Path: p})
	}
	return config
}

func authorizeStandalone(o options.CompletedOptions, config *genericapiserver.Config) error {
	paths, err := path.NewAuthorizer(o.Recommended.Authorization.AlwaysAllowPaths)
	if err != nil {
		return fmt.Errorf("--authorization-always-allow-paths: %w", err)
	}
	named := func(name string, a authorizer.Authorizer) union.NamedAuthorizer {
		return union.NamedAuthorizer{AuthorizerName: name, Authorizer: a}
	}
	config.Authorization.Authorizer, err = union.New(
		named("administrators", authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)),
		named("always-allowed-paths", paths),
	)
	if err != nil {
		return fmt.Errorf("setting up authorization: %w", err)
	}
	return nil
}

// writeAdminKubeconfig puts a self-contained kubeconfig for an administrator
// beside the certificates. It must run after the port is open: only then is its
// number known.
func writeAdminKubeconfig(o options.CompletedOptions) error {
	serving := o.Recommended.SecureServing
	dir := serving.ServerCert.CertDirectory
	now := time.Now()
	authority, err := pki.OpenAuthority(dir, now)
	if err != nil {
		return err
	}
	admin, err := authority.IssueClient("admin", []string{user.SystemPrivilegedGroup}, adminLifetime, now)
	if err != nil {
		return fmt.Errorf("issuing the administrator's certificate: %w", err)
	}
	host := "127.0.0.1"
	if !serving.BindAddress.IsUnspecified() {
		host = serving.BindAddress.String()
	}
	const name = "events-apiserver"
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   "https://" + net.JoinHostPort(host, strconv.Itoa(serving.BindPort)),
		CertificateAuthorityData: admin.CAPEM,
	}
	kubeconfig.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: admin.CertPEM,
		ClientKeyData:         admin.KeyPEM,
	}
	kubeconfig.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	kubeconfig.CurrentContext = name
	file := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig, file); err != nil {
		return fmt.Errorf("writing the administrator's kubeconfig: %w", err)
	}
	return nil
}
