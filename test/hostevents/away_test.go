// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// With the host away writes are taken, soon and without waiting for it, and the
// host has them once it is back, also if the server was restarted in between.
func TestHostAway(t *testing.T) {
	for _, store := range []string{cluster.StoreEmbedded, cluster.StoreEtcd} {
		t.Run(store, func(t *testing.T) { testHostAway(t, start(t, store, "--v=2")) })
	}
}

func testHostAway(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "away")
	direct := s.direct(t).EventsV1().Events(namespace)
	var before []*eventsv1.Event
	for i := range 10 {
		created, err := direct.Create(t.Context(), newOurs(namespace, fmt.Sprintf("before-%d", i)), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, created)
	}
	host := s.component(t, cluster.KubeAPIServer)
	if err := host.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	const n = 40
	for i := range n {
		created, err := direct.Create(t.Context(), newOurs(namespace, fmt.Sprintf("while-%d", i)), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			created.Series = &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NewMicroTime(time.Now().Truncate(time.Microsecond))}
			if _, err := direct.Update(t.Context(), created, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if i%4 == 1 {
			if err := direct.Delete(t.Context(), created.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before[1].Series = &eventsv1.EventSeries{Count: 3, LastObservedTime: metav1.NewMicroTime(time.Now().Truncate(time.Microsecond))}
	if _, err := direct.Update(t.Context(), before[1], metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"before-2", "before-3"} {
		if err := direct.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	// Deleted and made again under its name.
	if _, err := direct.Create(t.Context(), newOurs(namespace, "before-3"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("%d writes with the host away took %s", n+n/2+4, took)
	}

	// The server is restarted too, so that the queue is all there is.
	server := s.component(t, cluster.EventsAPIServer)
	if err := server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitRegistered(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := 10 - 1 + n - n/4
	eventually(t, fmt.Sprintf("%d events in the host", want), func(ctx context.Context) error {
		list, err := s.admin.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(list.Items) != want {
			return fmt.Errorf("%d", len(list.Items))
		}
		return nil
	})
	if got := s.equalContents(t, namespace); len(got) != want {
		t.Errorf("%d events, want %d", len(got), want)
	}
	after, err := s.admin.CoreV1().Events(namespace).Get(t.Context(), "before-1", metav1.GetOptions{})
	if err != nil || after.Series == nil || after.Series.Count != 3 {
		t.Errorf("an update with the host away: got %v, %v", after.Series, err)
	}
}

func (s *suite) component(t *testing.T, name string) *cluster.Component {
	t.Helper()
	component, err := s.Component(name)
	if err != nil {
		t.Fatal(err)
	}
	return component
}

// direct is a client that reaches events-apiserver without kube-apiserver.
func (s *suite) direct(t *testing.T) kubernetes.Interface {
	t.Helper()
	config, err := s.AdminConfig()
	if err != nil {
		t.Fatal(err)
	}
	config = rest.CopyConfig(config)
	config.Host = fmt.Sprintf("https://127.0.0.1:%d", s.component(t, cluster.EventsAPIServer).Port())
	config.CAData = nil
	config.CAFile = filepath.Join(s.Config().Dir, "events-apiserver", "certs", "ca.crt")
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
