// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"

	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/client-go/kubernetes"
)

// Cluster is the cluster to look at.
type Cluster struct {
	// Client acts as who runs the checks.
	Client kubernetes.Interface
	// AsAccount acts as the server's account. It is used by checks that Options
	// ask for, and may be nil without them.
	AsAccount kubernetes.Interface
	// Get reads a path of kube-apiserver, and returns the body of the answer. An
	// answer of 400 and above is an error that apimachinery's errors package knows.
	Get func(ctx context.Context, path string) ([]byte, error)
}

// Options say what to look for.
type Options struct {
	// Account is the server's service account.
	Account Account
	// ProbeWrites is how many events to write into the account's namespace, as the
	// account, to see whether they are limited; they are deleted again. Zero writes
	// none.
	ProbeWrites int
}

// Account is a service account.
type Account struct {
	Namespace, Name string
}

// Username is the name of the account as a user.
func (a Account) Username() string { return serviceaccount.MakeUsername(a.Namespace, a.Name) }

// Groups are what every token of the account is in.
func (a Account) Groups() []string {
	return append(serviceaccount.MakeGroupNames(a.Namespace), "system:authenticated")
}

// Run makes all checks, and returns what they found in their order. A check that
// cannot be made is a finding; an error means that the cluster does not answer.
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
