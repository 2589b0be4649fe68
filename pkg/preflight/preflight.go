// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"

	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/client-go/kubernetes"
)

// Cluster is the cluster to check.
type Cluster struct {
	// Client acts as the user who runs the checks.
	Client kubernetes.Interface
	// AsAccount acts as the server's account. It is only used if Options.ProbeWrites is
	// set, and may be nil otherwise.
	AsAccount kubernetes.Interface
	// Get returns the body of a path of kube-apiserver. A status of 400 and above is an
	// error of apimachinery's errors package.
	Get func(ctx context.Context, path string) ([]byte, error)
}

// Options configure the checks.
type Options struct {
	// Account is the server's service account.
	Account Account
	// ProbeWrites is the number of events to write as the account, in its namespace, to see
	// whether they are rate limited. They are deleted afterwards. Zero writes none.
	ProbeWrites int
}

// Account is a service account.
type Account struct {
	Namespace, Name string
}

// Username returns the user name of the account.
func (a Account) Username() string { return serviceaccount.MakeUsername(a.Namespace, a.Name) }

// Groups returns the groups of the account's tokens.
func (a Account) Groups() []string {
	return append(serviceaccount.MakeGroupNames(a.Namespace), "system:authenticated")
}

// Run runs all checks and returns their findings in order. A check that cannot be made is a
// finding; an error means that the cluster does not respond.
func Run(ctx context.Context, cluster Cluster, options Options) ([]Finding, error) {
	var findings []Finding
	for _, check := range []struct {
		name string
		run  func(context.Context, *report, Cluster, Options) error
	}{
		{"host-version", checkVersion},
		{"rights", checkRights},
		{"admission", checkAdmission},
		{"flow-control", checkFlowControl},
		{"event-rate-limit", checkRateLimit},
		{"resource-versions", checkResourceVersions},
	} {
		r := &report{check: check.name}
		if err := check.run(ctx, r, cluster, options); err != nil {
			return findings, fmt.Errorf("checking %s: %w", check.name, err)
		}
		findings = append(findings, r.findings...)
	}
	return findings, nil
}
