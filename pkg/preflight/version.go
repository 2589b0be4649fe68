// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
)

// oldestHost returns the first version that serves all resources that the server watches.
func oldestHost() *version.Version { return version.MajorMinor(1, 36) }

func checkVersion(_ context.Context, r *report, cluster Cluster, _ Options) error {
	info, err := cluster.Client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("getting the version: %w", err)
	}
	host, parseErr := version.ParseGeneric(info.GitVersion)
	switch {
	case parseErr != nil:
		r.add(Warning, "", fmt.Sprintf("the version of kube-apiserver is %q, which cannot be parsed", info.GitVersion), "see that it is "+oldestHost().String()+" or newer")
	case host.LessThan(oldestHost()):
		r.add(Problem, "", fmt.Sprintf("kube-apiserver is %s: it does not serve MutatingAdmissionPolicies in their v1 form, for which the server waits before it is ready", info.GitVersion),
			"upgrade the cluster to "+oldestHost().String()+" or newer; MutatingAdmissionPolicies of alpha and beta versions are seen neither by this check nor by the server")
	default:
		r.ok("kube-apiserver is " + info.GitVersion)
	}
	return nil
}
