// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"io"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/textlogger"
)

// mirror is what an informer has inside: client-go's reflector and its store. The backoff of
// an informer's own reflector grows to a minute; that of this one stays short.
type mirror struct {
	name      string
	store     cache.Store
	reflector *cache.Reflector
}

// newMirror returns a mirror with a client that must outlive it; the reflector logs to log.
func newMirror(name string, client eventsclient.EventsV1Interface, log io.Writer) *mirror {
	m := &mirror{name: name, store: cache.NewStore(cache.MetaNamespaceKeyFunc)}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return client.Events(metav1.NamespaceAll).List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return client.Events(metav1.NamespaceAll).Watch(ctx, options)
		},
	}
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(log)))
	m.reflector = cache.NewReflectorWithOptions(source, &eventsv1.Event{}, m.store, cache.ReflectorOptions{
		Name:    name,
		Logger:  &logger,
		Backoff: &wait.Backoff{Duration: retryStep, Factor: 1, Steps: 1, Cap: 10 * retryStep},
	})
	return m
}

func (m *mirror) run(ctx context.Context) { m.reflector.RunWithContext(ctx) }

// check waits until the store has what a list shows. An expired event is missing from lists at
// once and from the store a little later.
func (m *mirror) check(ctx context.Context, client eventsclient.EventsV1Interface, found func(string)) error {
	begun := time.Now()
	for {
		list, err := client.Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("listing for the comparison with %s: %w", m.name, err)
		}
		difference := m.difference(list.Items)
		if difference == "" {
			return nil
		}
		if time.Since(begun) > waitTimeout {
			found(fmt.Sprintf("%s does not hold after %s what a list shows: %s", m.name, waitTimeout, difference))
			return nil
		}
		pause(ctx, 10*time.Millisecond)
	}
}

func (m *mirror) difference(items []eventsv1.Event) string {
	for i := range items {
		want := &items[i]
		obj, found, err := m.store.GetByKey(want.Namespace + "/" + want.Name)
		event, ok := obj.(*eventsv1.Event)
		if err != nil || !found || !ok {
			return fmt.Sprintf("%s/%s is missing", want.Namespace, want.Name)
		}
		got, gotErr := versionOf(event)
		listed, listedErr := versionOf(want)
		if got != listed || gotErr != nil || listedErr != nil {
			return fmt.Sprintf("%s is at revision %d with content %s instead of %d with %s", listed.key, got.revision, got.whole, listed.revision, listed.whole)
		}
	}
	if n := len(m.store.ListKeys()); n != len(items) {
		return fmt.Sprintf("it holds %d events; the list has %d", n, len(items))
	}
	return ""
}
