// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const registration = "/apis/apiregistration.k8s.io/v1/apiservices/v1.events.k8s.io"

// checkResourceVersions compares the newest resource versions of both servers. When the group
// is given back, clients resume their watches at kube-apiserver from versions of this server.
// It returns 410 for versions below its compact revision, and sends nothing for versions above
// its newest one.
func checkResourceVersions(ctx context.Context, r *report, cluster Cluster, _ Options) error {
	registered, err := isRegistered(ctx, cluster)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		r.unchecked("resource versions", err)
		return nil
	}
	if err != nil {
		return err
	}
	if !registered {
		r.ok("events.k8s.io is kube-apiserver's own: there are no resource versions to compare yet")
		return nil
	}
	one := metav1.ListOptions{Limit: 1}
	hosts, err := cluster.Client.CoreV1().Events(metav1.NamespaceAll).List(ctx, one)
	if err != nil {
		return r.unlessForbidden("listing core/v1 events", err)
	}
	ours, err := cluster.Client.EventsV1().Events(metav1.NamespaceAll).List(ctx, one)
	if err != nil {
		return r.unlessForbidden("listing events of events.k8s.io", err)
	}
	hostVersion, hostErr := strconv.ParseUint(hosts.ResourceVersion, 10, 64)
	ourVersion, ourErr := strconv.ParseUint(ours.ResourceVersion, 10, 64)
	switch {
	case hostErr != nil || ourErr != nil:
		r.add(Warning, "", fmt.Sprintf("resource versions are no numbers: %q of kube-apiserver, %q of events-apiserver", hosts.ResourceVersion, ours.ResourceVersion), "before you give the group back, see that clients that watch events can be restarted")
	case ourVersion >= hostVersion:
		r.add(Warning, "APIService/v1.events.k8s.io", fmt.Sprintf("the newest resource version of events-apiserver is %d, that of kube-apiserver %d: were the group given back, clients would watch from ours, and kube-apiserver would send them nothing until it gets there", ourVersion, hostVersion),
			"when you give the group back restart the clients that watch events.k8s.io, or wait until kube-apiserver is ahead")
	default:
		r.ok(fmt.Sprintf("the newest resource version of events-apiserver, %d, is below that of kube-apiserver, %d", ourVersion, hostVersion))
	}
	return nil
}

// unlessForbidden converts a Forbidden error to a finding, and returns other errors.
func (r *report) unlessForbidden(what string, err error) error {
	if apierrors.IsForbidden(err) {
		r.unchecked(what, err)
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// isRegistered reports whether kube-apiserver proxies the group to a service.
func isRegistered(ctx context.Context, cluster Cluster) (bool, error) {
	body, err := cluster.Get(ctx, registration)
	if err != nil {
		return false, fmt.Errorf("getting the APIService of events.k8s.io: %w", err)
	}
	service := struct {
		Spec struct {
			Service *struct {
				Name string `json:"name"`
			} `json:"service"`
		} `json:"spec"`
	}{}
	if err := json.Unmarshal(body, &service); err != nil {
		return false, fmt.Errorf("reading the APIService of events.k8s.io: %w", err)
	}
	return service.Spec.Service != nil, nil
}
