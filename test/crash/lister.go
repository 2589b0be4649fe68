// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"strconv"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
)

// lister lists and adds the results to the record.
type lister struct {
	client eventsclient.EventsV1Interface
	record *record
}

// newest lists the current state.
func (l lister) newest(ctx context.Context, s selection) (*sample, []eventsv1.Event, error) {
	return l.list(ctx, s, newest, s.options())
}

// exact lists the state at a revision. A revision that is too old is no error here; the record
// checks whether it may be.
func (l lister) exact(ctx context.Context, s selection, revision uint64) error {
	options := s.options()
	options.ResourceVersion = strconv.FormatUint(revision, 10)
	options.ResourceVersionMatch = metav1.ResourceVersionMatchExact
	got, _, err := l.list(ctx, s, exact, options)
	if tooOld(err) {
		l.record.sawRefusal(revision)
		return nil
	}
	if err == nil && got.revision != revision {
		l.record.found(fmt.Sprintf("%s: it shows revision %d, asked was %d", got, got.revision, revision))
	}
	return err
}

// pages lists the current state in pages.
func (l lister) pages(ctx context.Context, s selection, size int64) error {
	options := s.options()
	options.Limit = size
	_, _, err := l.list(ctx, s, paged, options)
	return err
}

func tooOld(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// list makes a list with all its pages.
func (l lister) list(ctx context.Context, s selection, how reading, options metav1.ListOptions) (*sample, []eventsv1.Event, error) {
	floor := l.record.newest()
	got := &sample{selection: s, reading: how, sent: time.Now()}
	var items []eventsv1.Event
	for {
		list, err := l.client.Events(s.namespace).List(ctx, options)
		if err != nil {
			return nil, nil, err
		}
		revision, err := strconv.ParseUint(list.ResourceVersion, 10, 64)
		if err != nil {
			return nil, nil, fmt.Errorf("the resource version of a list: %w", err)
		}
		if got.revision != 0 && got.revision != revision {
			l.record.found(fmt.Sprintf("%s: its first page shows revision %d, another one %d", got, got.revision, revision))
		}
		got.revision = revision
		items = append(items, list.Items...)
		if list.Continue == "" {
			break
		}
		options.Continue = list.Continue
	}
	got.done = time.Now()
	for i := range items {
		v, err := versionOf(&items[i])
		if err != nil {
			return nil, nil, err
		}
		got.items = append(got.items, v)
	}
	l.record.sawList(got, floor)
	return got, items, nil
}
