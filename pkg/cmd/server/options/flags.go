// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"github.com/spf13/pflag"

	"k8s.io/apimachinery/pkg/util/sets"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// Flags returns the flags of serve in the groups in which --help shows them.
func (o *Options) Flags() cliflag.NamedFlagSets {
	var groups cliflag.NamedFlagSets
	events := groups.FlagSet("events")
	events.BoolVar(&o.Standalone, "standalone", o.Standalone, ""+
		"Serve without a cluster: the server makes its own certificates and, in --cert-dir, a kubeconfig for an administrator. "+
		"There are no namespaces to check, no webhooks and no RBAC then.")
	events.DurationVar(&o.EventTTL, "event-ttl", o.EventTTL, ""+
		"How long an event is kept after it was last written, at least 1s.")
	o.Storage.addFlags(groups.FlagSet("storage"))
	o.HostEvents.addFlags(groups.FlagSet("host events"))

	o.addGenericFlags(groups.FlagSet("generic"))
	serving := groups.FlagSet("secure serving")
	o.Recommended.SecureServing.AddFlags(serving)
	serving.StringSliceVar(&o.CertHosts, "cert-hosts", o.CertHosts, ""+
		"DNS names and IP addresses that the serving certificate made in --cert-dir covers. Unused when --tls-cert-file is given.")
	setUsage(serving, "cert-dir", ""+
		"The directory in which the server keeps a certificate authority (ca.crt, ca.key) and a serving certificate of it (tls.crt, tls.key). "+
		"They are made when missing, and the serving certificate is renewed in time. Unused when --tls-cert-file is given.")
	setUsage(serving, "tls-cert-file", ""+
		"File with the certificate for HTTPS, and intermediate ones after it. If it is not given, the server makes its own in --cert-dir.")

	o.Recommended.CoreAPI.AddFlags(groups.FlagSet("cluster"))
	o.Recommended.Authentication.AddFlags(groups.FlagSet("authentication"))
	o.Recommended.Authorization.AddFlags(groups.FlagSet("authorization"))
	o.Recommended.Admission.AddFlags(groups.FlagSet("admission"))
	o.Recommended.Audit.AddFlags(groups.FlagSet("audit"))
	o.Recommended.Features.AddFlags(groups.FlagSet("features"))
	o.Recommended.EgressSelector.AddFlags(groups.FlagSet("egress selector"))
	o.Recommended.Traces.AddFlags(groups.FlagSet("traces"))
	logsapi.AddFlags(o.Logging, groups.FlagSet("logs"))
	logs.AddFlags(groups.FlagSet("logs"), logs.SkipLoggingConfigurationFlags())
	return groups
}

// addGenericFlags leaves out the flags by which a Kubernetes control plane
// behaves as an older release during an upgrade: this server serves one version
// of one kind, the same in all of them.
func (o *Options) addGenericFlags(flags *pflag.FlagSet) {
	all := pflag.NewFlagSet("generic", pflag.ContinueOnError)
	o.Generic.AddUniversalFlags(all)
	leftOut := sets.New("emulated-version", "min-compatibility-version", "emulation-forward-compatible", "runtime-config-emulation-forward-compatible")
	all.VisitAll(func(flag *pflag.Flag) {
		if !leftOut.Has(flag.Name) {
			flags.AddFlag(flag)
		}
	})
}

// setUsage corrects the description of a generic flag that works differently
// here.
func setUsage(flags *pflag.FlagSet, name, usage string) {
	if flag := flags.Lookup(name); flag != nil {
		flag.Usage = usage
	}
}
