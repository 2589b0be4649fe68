// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/client-go/tools/clientcmd"
	certutil "k8s.io/client-go/util/cert"
	cliflag "k8s.io/component-base/cli/flag"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// Validate returns everything that is wrong with the options. Beside the
// generic checks it opens the files that flags name: a typing error in a path
// would otherwise come up one at a time, and without its flag.
func (o CompletedOptions) Validate() []error {
	var errs []error
	if o.EventTTL < time.Second {
		errs = append(errs, fmt.Errorf("--event-ttl: %s is too short; want at least 1s", o.EventTTL))
	}
	errs = append(errs, o.Storage.Validate()...)
	errs = append(errs, o.HostEvents.validate(o.Standalone)...)
	errs = append(errs, o.validateGeneric()...)
	errs = append(errs, o.validateRecommended()...)
	if err := logsapi.Validate(o.Logging, nil, nil).ToAggregate(); err != nil {
		errs = append(errs, fmt.Errorf("--logging-format and the other flags of the log: %w", err))
	}
	errs = append(errs, o.validateTLS()...)
	errs = append(errs, o.validateServingCertificate()...)
	errs = append(errs, o.validateStandalone()...)
	return append(errs, o.validateFiles()...)
}

// validateGeneric gives the errors about feature gates the name of their flag,
// which the generic options leave out.
func (o CompletedOptions) validateGeneric() []error {
	gates := o.Generic.ComponentGlobalsRegistry.Validate()
	if o.featureGatesErr != nil {
		gates = []error{o.featureGatesErr}
	}
	var errs []error
	for _, err := range gates {
		errs = append(errs, fmt.Errorf("--feature-gates: %w", err))
	}
	others := *o.Generic
	others.ComponentGlobalsRegistry = basecompatibility.NewComponentGlobalsRegistry()
	return append(errs, others.Validate()...)
}

// validateRecommended checks the recommended options, audit apart.
func (o CompletedOptions) validateRecommended() []error {
	others := *o.Recommended
	others.Audit = nil
	return append(others.Validate(), validateAudit(o.Recommended.Audit)...)
}

// validateTLS checks the names that are looked up only when the port is opened.
func (o CompletedOptions) validateTLS() []error {
	var errs []error
	check := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	serving := o.Recommended.SecureServing
	_, err := cliflag.TLSCipherSuites(serving.CipherSuites)
	check("tls-cipher-suites", err)
	_, err = cliflag.TLSCurvePreferences(serving.CurvePreferences)
	check("tls-curve-preferences", err)
	_, err = cliflag.TLSVersion(serving.MinTLSVersion)
	check("tls-min-version", err)
	return errs
}

func (o CompletedOptions) validateServingCertificate() []error {
	server := o.Recommended.SecureServing.ServerCert
	cert, key := server.CertKey.CertFile, server.CertKey.KeyFile
	switch {
	case cert == "" && key == "":
		return o.validateOwnCertificate()
	case cert == "":
		return []error{errors.New("--tls-private-key-file is given without --tls-cert-file: give both, or neither to let the server make its own certificate")}
	case key == "":
		return []error{errors.New("--tls-cert-file is given without --tls-private-key-file: give both, or neither to let the server make its own certificate")}
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return []error{fmt.Errorf("--tls-cert-file, --tls-private-key-file: %w", err)}
	}
	return nil
}

func (o CompletedOptions) validateOwnCertificate() []error {
	var errs []error
	if o.Recommended.SecureServing.ServerCert.CertDirectory == "" {
		errs = append(errs, errors.New("--cert-dir must not be empty unless --tls-cert-file and --tls-private-key-file are given"))
	}
	if len(o.CertHosts) == 0 {
		errs = append(errs, errors.New("--cert-hosts must name at least one host unless --tls-cert-file and --tls-private-key-file are given"))
	}
	return errs
}

// validateStandalone refuses settings about a cluster where there is none:
// silently ignored they would look as if they worked.
func (o CompletedOptions) validateStandalone() []error {
	if !o.Standalone {
		return nil
	}
	var errs []error
	for _, file := range o.clusterFiles() {
		if file.path != "" {
			errs = append(errs, fmt.Errorf("--%s cannot be used with --standalone, which serves without a cluster", file.flag))
		}
	}
	if o.Recommended.SecureServing.ServerCert.CertKey.CertFile != "" {
		errs = append(errs, errors.New("--tls-cert-file cannot be used with --standalone, which makes its own certificates in --cert-dir"))
	}
	return errs
}

// fileFlag is a flag that names a file, with what the file must be.
type fileFlag struct {
	flag, path string
	check      func(path string) error
}

// clusterFiles are the files about the cluster beside this server.
func (o CompletedOptions) clusterFiles() []fileFlag {
	recommended := o.Recommended
	return []fileFlag{
		{"kubeconfig", recommended.CoreAPI.CoreAPIKubeconfigPath, checkKubeconfig},
		{"authentication-kubeconfig", recommended.Authentication.RemoteKubeConfigFile, checkKubeconfig},
		{"authorization-kubeconfig", recommended.Authorization.RemoteKubeConfigFile, checkKubeconfig},
		{"client-ca-file", recommended.Authentication.ClientCert.ClientCA, checkCertificates},
		{"requestheader-client-ca-file", recommended.Authentication.RequestHeader.ClientCAFile, checkCertificates},
		{"admission-control-config-file", recommended.Admission.ConfigFile, checkReadable},
	}
}

func (o CompletedOptions) otherFiles() []fileFlag {
	etcd := o.Storage.Etcd
	return []fileFlag{
		{"etcd-cafile", etcd.StorageConfig.Transport.TrustedCAFile, checkCertificates},
		{"etcd-certfile", etcd.StorageConfig.Transport.CertFile, checkReadable},
		{"etcd-keyfile", etcd.StorageConfig.Transport.KeyFile, checkReadable},
		{"encryption-provider-config", etcd.EncryptionProviderConfigFilepath, checkReadable},
		{"audit-policy-file", o.Recommended.Audit.PolicyFile, checkAuditPolicy},
		{"audit-webhook-config-file", o.Recommended.Audit.WebhookOptions.ConfigFile, checkKubeconfig},
		{"egress-selector-config-file", o.Recommended.EgressSelector.ConfigFile, checkReadable},
		{"tracing-config-file", o.Recommended.Traces.ConfigFile, checkReadable},
	}
}

func (o CompletedOptions) validateFiles() []error {
	var errs []error
	for _, file := range append(o.clusterFiles(), o.otherFiles()...) {
		if file.path == "" {
			continue
		}
		if err := file.check(file.path); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", file.flag, err))
		}
	}
	return errs
}

func checkReadable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return file.Close()
}

func checkKubeconfig(path string) error {
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return err
	}
	if err := clientcmd.ConfirmUsable(*config, ""); err != nil {
		return fmt.Errorf("%s is no usable kubeconfig: %w", path, err)
	}
	return nil
}

func checkAuditPolicy(path string) error {
	_, err := policy.LoadPolicyFromFile(path)
	return err
}

func checkCertificates(path string) error {
	_, err := certutil.CertsFromFile(path)
	return err
}
