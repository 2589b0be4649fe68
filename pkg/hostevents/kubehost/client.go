// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// fieldManager is the field manager of the mirrored writes.
const fieldManager = "events-apiserver"

// client is a hostevents.Host over the API of the host cluster.
type client struct {
	core   corev1client.CoreV1Interface
	access *accessReviewer
}

var _ hostevents.Host = (*client)(nil)

// New returns the host that the configuration reaches. It speaks protobuf and has no
// rate limit of its own.
func New(config *rest.Config) (hostevents.Host, error) {
	own := rest.CopyConfig(config)
	own.ContentType = runtime.ContentTypeProtobuf
	own.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	own.QPS = -1
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return dropRetryAfter{next} })
	core, err := corev1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client of the host cluster's events: %w", err)
	}
	authorization, err := authorizationv1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client of the host cluster's access reviews: %w", err)
	}
	return &client{core: core, access: newAccessReviewer(authorization.SelfSubjectAccessReviews())}, nil
}

// dropRetryAfter keeps client-go from waiting inside a request for as long as the
// host's Retry-After asks: the outbox retries, and the write is answered.
type dropRetryAfter struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r dropRetryAfter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil {
		response.Header.Del("Retry-After")
	}
	return response, err
}

// Create implements Host.
func (c *client) Create(ctx context.Context, event *events.Event, dryRun bool) (*events.Event, error) {
	sent, err := toHost(event)
	if err != nil {
		return nil, err
	}
	sent.UID, sent.ResourceVersion, sent.CreationTimestamp = "", "", metav1.Time{}
	made, err := c.core.Events(event.Namespace).Create(ctx, sent, metav1.CreateOptions{FieldManager: fieldManager, DryRun: dryRunOption(dryRun)})
	if err != nil {
		return nil, c.access.explain(ctx, "create", event.Namespace, err)
	}
	if dryRun {
		return nil, nil
	}
	return fromHost(made)
}

// Update implements Host.
func (c *client) Update(ctx context.Context, event *events.Event, dryRun bool) (*events.Event, error) {
	sent, err := toHost(event)
	if err != nil {
		return nil, err
	}
	sent.UID, sent.ResourceVersion = event.UIDInHost(), strconv.FormatUint(event.Host.Version, 10)
	made, err := c.core.Events(event.Namespace).Update(ctx, sent, metav1.UpdateOptions{FieldManager: fieldManager, DryRun: dryRunOption(dryRun)})
	if err != nil {
		return nil, c.access.explain(ctx, "update", event.Namespace, err)
	}
	if dryRun {
		return nil, nil
	}
	return fromHost(made)
}

// Get implements Host.
func (c *client) Get(ctx context.Context, key hostevents.Key) (*events.Event, error) {
	event, err := c.core.Events(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil {
		return nil, c.access.explain(ctx, "get", key.Namespace, err)
	}
	return fromHost(event)
}

// Delete implements Host.
func (c *client) Delete(ctx context.Context, key hostevents.Key, only hostevents.Preconditions, dryRun bool) error {
	options := metav1.DeleteOptions{DryRun: dryRunOption(dryRun), Preconditions: &metav1.Preconditions{}}
	if only.UID != "" {
		options.Preconditions.UID = &only.UID
	}
	if only.Version != 0 {
		version := strconv.FormatUint(only.Version, 10)
		options.Preconditions.ResourceVersion = &version
	}
	err := c.core.Events(key.Namespace).Delete(ctx, key.Name, options)
	return c.access.explain(ctx, "delete", key.Namespace, err)
}

func dryRunOption(dryRun bool) []string {
	if !dryRun {
		return nil
	}
	return []string{metav1.DryRunAll}
}
