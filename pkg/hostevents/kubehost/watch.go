// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// Watch implements Host.
func (c *client) Watch(ctx context.Context, after uint64) (hostevents.Stream, error) {
	watching, err := c.core.Events(metav1.NamespaceAll).Watch(ctx, metav1.ListOptions{
		ResourceVersion:     strconv.FormatUint(after, 10),
		AllowWatchBookmarks: true,
	})
	if err != nil {
		return nil, wrapExpired(err)
	}
	return &stream{watching: watching}, nil
}

// stream is a hostevents.Stream over a watch of core/v1 events.
type stream struct {
	watching watch.Interface
}

// Next implements Stream.
func (s *stream) Next(ctx context.Context) (hostevents.Change, error) {
	select {
	case <-ctx.Done():
		return hostevents.Change{}, ctx.Err()
	case got, ok := <-s.watching.ResultChan():
		if !ok {
			return hostevents.Change{}, io.EOF
		}
		return changeOf(got)
	}
}

// Close implements Stream.
func (s *stream) Close() { s.watching.Stop() }

func changeOf(got watch.Event) (hostevents.Change, error) {
	if got.Type == watch.Error {
		return hostevents.Change{}, wrapExpired(apierrors.FromObject(got.Object))
	}
	object, ok := got.Object.(*corev1.Event)
	if !ok {
		return hostevents.Change{}, fmt.Errorf("watching the host's events: got a %T", got.Object)
	}
	if got.Type == watch.Bookmark {
		version, err := parseVersion(object.ResourceVersion)
		return hostevents.Change{Version: version}, err
	}
	likelyNew := got.Type == watch.Added && !madeByMirror(object)
	event, err := fromHost(object)
	if err != nil {
		return hostevents.Change{}, err
	}
	return hostevents.Change{Version: event.Host.Version, Event: event, Deleted: got.Type == watch.Deleted, LikelyNew: likelyNew}, nil
}

// madeByMirror reports whether a server like this one has created the event in the
// host.
func madeByMirror(event *corev1.Event) bool {
	return slices.ContainsFunc(event.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == fieldManager })
}

// wrapExpired wraps errors after which a new list is needed in ErrExpired. A version
// that the host has not reached yet is one of them: the host was restored from a
// backup.
func wrapExpired(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
		return fmt.Errorf("%w: %w", hostevents.ErrExpired, err)
	}
	return err
}
