// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	hubcorev1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
)

// fieldManager is the name under which the host records our writes.
const fieldManager = "events-apiserver"

// client is a Host over its API.
type client struct {
	core   corev1client.CoreV1Interface
	rights *rights
}

var _ Host = (*client)(nil)

// NewHost returns the host that the configuration reaches. It speaks protobuf,
// and leaves the limits to the host.
func NewHost(config *rest.Config) (Host, error) {
	own := rest.CopyConfig(config)
	own.ContentType = runtime.ContentTypeProtobuf
	own.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	own.QPS = -1
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return retryLater{next} })
	core, err := corev1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client of the host cluster's events: %w", err)
	}
	authorization, err := authorizationv1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client of the host cluster's access reviews: %w", err)
	}
	return &client{core: core, rights: newRights(authorization.SelfSubjectAccessReviews())}, nil
}

// retryLater keeps client-go from waiting inside a request for as long as the
// host's Retry-After says: the outbox retries, and the write is answered.
type retryLater struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r retryLater) RoundTrip(request *http.Request) (*http.Response, error) {
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
		return nil, c.rights.explain(ctx, "create", event.Namespace, err)
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
		return nil, c.rights.explain(ctx, "update", event.Namespace, err)
	}
	if dryRun {
		return nil, nil
	}
	return fromHost(made)
}

// Get implements Host.
func (c *client) Get(ctx context.Context, key Key) (*events.Event, error) {
	event, err := c.core.Events(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil {
		return nil, c.rights.explain(ctx, "get", key.Namespace, err)
	}
	return fromHost(event)
}

// Delete implements Host.
func (c *client) Delete(ctx context.Context, key Key, only Preconditions, dryRun bool) error {
	options := metav1.DeleteOptions{DryRun: dryRunOption(dryRun), Preconditions: &metav1.Preconditions{}}
	if only.UID != "" {
		options.Preconditions.UID = &only.UID
	}
	if only.Version != 0 {
		version := strconv.FormatUint(only.Version, 10)
		options.Preconditions.ResourceVersion = &version
	}
	err := c.core.Events(key.Namespace).Delete(ctx, key.Name, options)
	return c.rights.explain(ctx, "delete", key.Namespace, err)
}

// List implements Host.
func (c *client) List(ctx context.Context, continueFrom string, limit int64) (Page, error) {
	list, size, err := c.listCore(ctx, metav1.ListOptions{Limit: limit, Continue: continueFrom})
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return Page{}, fmt.Errorf("%w: %w", ErrExpired, err)
	}
	if err != nil {
		return Page{}, err
	}
	version, err := parseVersion(list.ResourceVersion)
	if err != nil {
		return Page{}, err
	}
	page := Page{Version: version, Continue: list.Continue, Bytes: size, Items: make([]*events.Event, 0, len(list.Items))}
	for i := range list.Items {
		event, err := fromHost(&list.Items[i])
		if err != nil {
			return Page{}, err
		}
		page.Items = append(page.Items, event)
	}
	return page, nil
}

func dryRunOption(dryRun bool) []string {
	if !dryRun {
		return nil
	}
	return []string{metav1.DryRunAll}
}

// toHost returns the event in the host's form. It shares memory with the given
// one, which it leaves as it is.
func toHost(event *events.Event) (*corev1.Event, error) {
	sent := &corev1.Event{}
	if err := hubcorev1.Convert_events_Event_To_v1_Event(event, sent, nil); err != nil {
		return nil, fmt.Errorf("converting an event to core/v1: %w", err)
	}
	// Who owns which field differs between the two views.
	sent.ManagedFields = nil
	return sent, nil
}

// fromHost returns the host's event in our form. It shares memory with the given
// one, which must not be used any more.
func fromHost(got *corev1.Event) (*events.Event, error) {
	version, err := parseVersion(got.ResourceVersion)
	if err != nil {
		return nil, err
	}
	event := &events.Event{}
	if err := hubcorev1.Convert_v1_Event_To_events_Event(got, event, nil); err != nil {
		return nil, fmt.Errorf("converting an event from core/v1: %w", err)
	}
	event.ResourceVersion = ""
	event.Host = events.HostState{Version: version, WrittenAt: writtenAt(&got.ObjectMeta)}
	event.ManagedFields = nil
	return event, nil
}

// writtenAt is when the host last wrote the object: it notes the time of each
// manager's last change.
func writtenAt(meta *metav1.ObjectMeta) int64 {
	written := meta.CreationTimestamp.Time
	for i := range meta.ManagedFields {
		if at := meta.ManagedFields[i].Time; at != nil && at.After(written) {
			written = at.Time
		}
	}
	return written.Unix()
}

var errVersionIsNone = errors.New("the host's resource versions cannot be ordered")

// parseVersion reads a resource version. Those of one resource are numbers that
// grow, as the Kubernetes API promises since 1.35.
func parseVersion(text string) (uint64, error) {
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil || version == 0 {
		return 0, fmt.Errorf("%w: %q is no number", errVersionIsNone, text)
	}
	return version, nil
}
