// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listerseventsv1 "k8s.io/client-go/listers/events/v1"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// testInformer checks that the store behind a lister becomes what the server
// has, in each wire format, for everything and for one object's events.
func testInformer(t *testing.T, s *suite) {
	for format, contentType := range map[string]string{"json": runtime.ContentTypeJSON, "protobuf": runtime.ContentTypeProtobuf} {
		t.Run(format, func(t *testing.T) {
			namespace := s.MakeNamespace(t, "informer-"+format)
			s.create(t, namespace, "a")
			s.create(t, namespace, "b")
			config := rest.CopyConfig(s.Rest)
			config.ContentType, config.AcceptContentTypes = contentType, contentType
			all := startInformer(t, config, namespace, "").Events(namespace)
			one := startInformer(t, config, namespace, "regarding.uid=uid-b").Events(namespace)
			expectListed(t, s, "the first state", all, "a", "b")
			expectListed(t, s, "the first state of one object", one, "b")

			s.create(t, namespace, "c")
			s.relabel(t, namespace, "b")
			if err := s.Admin.EventsV1().Events(namespace).Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			expectListed(t, s, "the changes", all, "b", "c")
			expectListed(t, s, "the changes of one object", one, "b")
			if _, err := all.Get("a"); !apierrors.IsNotFound(err) {
				t.Errorf("getting what is deleted from the lister: got %v, want NotFound", err)
			}
			selected, err := all.List(labels.SelectorFromSet(labels.Set{"changed": "yes"}))
			if err != nil || len(selected) != 1 || selected[0].Name != "b" {
				t.Errorf("the lister selects %v by label, %v; want b", selected, err)
			}
		})
	}
}

// startInformer returns the lister of an informer that runs until the test ends.
func startInformer(t *testing.T, config *rest.Config, namespace, selector string) listerseventsv1.EventLister {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.FieldSelector = selector }))
	events := factory.Events().V1().Events()
	informer := events.Informer()
	factory.StartWithContext(t.Context())
	t.Cleanup(factory.Shutdown) // t.Context has ended by then
	clustertest.Eventually(t, "the informer to have its first state", func(context.Context) error {
		if !informer.HasSynced() {
			return fmt.Errorf("it has %d events", len(informer.GetStore().ListKeys()))
		}
		return nil
	})
	return events.Lister()
}

func (s *suite) relabel(t *testing.T, namespace, name string) {
	t.Helper()
	event, err := s.Admin.EventsV1().Events(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	event.Labels = map[string]string{"changed": "yes"}
	if _, err := s.Admin.EventsV1().Events(namespace).Update(t.Context(), event, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// expectListed waits until the lister has the events with these names, just as
// the server has them.
func expectListed(t *testing.T, s *suite, what string, lister listerseventsv1.EventNamespaceLister, names ...string) {
	t.Helper()
	clustertest.Eventually(t, what, func(ctx context.Context) error {
		listed, err := lister.List(labels.Everything())
		if err != nil {
			return err
		}
		got := sets.New[string]()
		for _, event := range listed {
			got.Insert(event.Name)
			stored, err := s.Admin.EventsV1().Events(event.Namespace).Get(ctx, event.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if event.ResourceVersion != stored.ResourceVersion {
				return fmt.Errorf("%s is of version %s, the server has %s", event.Name, event.ResourceVersion, stored.ResourceVersion)
			}
			expectSame(t, "stored (-) and in the informer (+)", stored, event)
		}
		if diff := cmp.Diff(names, sets.List(got)); diff != "" {
			return fmt.Errorf("wanted (-) and in the informer (+):\n%s", diff)
		}
		return nil
	})
}
