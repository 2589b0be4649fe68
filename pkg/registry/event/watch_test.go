// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apis/events/install"
)

// versionedStore is a store at a fixed revision. Its watches send nothing, as if they waited
// for a future version.
type versionedStore struct {
	storage.Interface

	current uint64
	failure error
	// reads counts the reads of the revision; watches has the start of each watch.
	reads   int
	watches []string
}

func (s *versionedStore) GetCurrentResourceVersion(ctx context.Context) (uint64, error) {
	s.reads++
	if _, bounded := ctx.Deadline(); !bounded {
		return 0, errors.New("asked without a deadline")
	}
	return s.current, s.failure
}

func (s *versionedStore) Watch(_ context.Context, _ string, options storage.ListOptions) (watch.Interface, error) {
	s.watches = append(s.watches, options.ResourceVersion)
	return watch.NewFake(), nil
}

func (s *versionedStore) GetList(_ context.Context, _ string, _ storage.ListOptions, list runtime.Object) error {
	listed, ok := list.(*events.EventList)
	if !ok {
		return errNotAnEvent(list)
	}
	listed.ResourceVersion = strconv.FormatUint(s.current, 10)
	return nil
}

// restOver returns the REST storage of events over the store.
func restOver(t *testing.T, store storage.Interface) *REST {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := install.Install(scheme); err != nil {
		t.Fatal(err)
	}
	getter := generic.RESTOptions{
		StorageConfig:  &storagebackend.ConfigForResource{},
		ResourcePrefix: "events",
		Decorator: func(*storagebackend.ConfigForResource, string, func(runtime.Object) (string, error), func() runtime.Object, func() runtime.Object,
			storage.AttrFunc, storage.IndexerFuncs, *cache.Indexers,
		) (storage.Interface, factory.DestroyFunc, error) {
			return store, func() {}, nil
		},
	}
	rest, err := NewREST(scheme, getter, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

func inNamespace(t *testing.T) context.Context {
	t.Helper()
	return genericapirequest.WithNamespace(t.Context(), "ns")
}

// A watch from a version of another store must fail, because it would never send anything.
func TestWatch_FromAboveTheStore(t *testing.T) {
	t.Parallel()
	const current = 100
	for name, c := range map[string]struct {
		version string
		initial *bool
		expired bool
		reads   int
	}{
		"far above":                            {version: "1000000", expired: true, reads: 1},
		"above what etcd can reach":            {version: "18446744073709551615", expired: true, reads: 1},
		"one above":                            {version: "101", expired: true, reads: 1},
		"above, without initial events":        {version: "101", initial: new(false), expired: true, reads: 1},
		"above, with initial events":           {version: "101", initial: new(true)},
		"above what is known, not the store's": {version: "100", reads: 1},
		"known":                                {version: "99"},
		"any":                                  {version: "0"},
		"none":                                 {version: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &versionedStore{current: current}
			rest := restOver(t, store)
			rest.revisions.raise(current - 1)
			options := &metainternalversion.ListOptions{ResourceVersion: c.version, SendInitialEvents: c.initial}
			watcher, err := rest.Watch(inNamespace(t), options)
			if err != nil {
				t.Fatal(err)
			}
			defer watcher.Stop()
			if store.reads != c.reads {
				t.Errorf("the revision of the store was read %d times, want %d", store.reads, c.reads)
			}
			if !c.expired {
				if len(store.watches) != 1 || store.watches[0] != c.version {
					t.Errorf("watches of the store: %q, want one from %q", store.watches, c.version)
				}
				return
			}
			if len(store.watches) != 0 {
				t.Errorf("watches of the store: %q, want none", store.watches)
			}
			expectExpired(t, watcher)
		})
	}
}

// expectExpired checks that the watch ends with 410 Expired.
func expectExpired(t *testing.T, watcher watch.Interface) {
	t.Helper()
	select {
	case got := <-watcher.ResultChan():
		if err := apierrors.FromObject(got.Object); got.Type != watch.Error || !apierrors.IsResourceExpired(err) {
			t.Errorf("the watch began with %s: %v, want 410 Expired", got.Type, err)
		}
	default:
		t.Fatal("the watch sends nothing")
	}
	if _, more := <-watcher.ResultChan(); more {
		t.Error("the watch goes on after its error")
	}
}

// Reading the revision for each watch would double the load of the store when many informers
// list and then watch.
func TestWatch_FromAListReadsNoRevision(t *testing.T) {
	t.Parallel()
	store := &versionedStore{current: 100}
	rest := restOver(t, store)
	for _, version := range []string{"100", "120", "110"} {
		list, err := rest.List(inNamespace(t), &metainternalversion.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		listed, ok := list.(*events.EventList)
		if !ok {
			t.Fatalf("listed a %T", list)
		}
		watcher, err := rest.Watch(inNamespace(t), &metainternalversion.ListOptions{ResourceVersion: listed.ResourceVersion})
		if err != nil {
			t.Fatalf("watching from %s: %v", version, err)
		}
		watcher.Stop()
		store.current += 10
	}
	if store.reads != 0 {
		t.Errorf("the revision of the store was read %d times, want never", store.reads)
	}
}

// If the revision of the store cannot be read, the client must retry: the watch may neither
// start nor fail with 410.
func TestWatch_RevisionCannotBeRead(t *testing.T) {
	t.Parallel()
	store := &versionedStore{failure: errors.New("no leader")}
	_, err := restOver(t, store).Watch(inNamespace(t), &metainternalversion.ListOptions{ResourceVersion: "7"})
	if !apierrors.IsServiceUnavailable(err) {
		t.Fatalf("got %v, want 503", err)
	}
	if after, ok := apierrors.SuggestsClientDelay(err); !ok || after < 1 {
		t.Errorf("no delay for the retry: %v", err)
	}
}

// An informer whose watch failed lists at its last version. A Retry-After would make it repeat
// that for most of a minute.
func TestList_AtAVersionAboveTheStore(t *testing.T) {
	t.Parallel()
	rest := restOver(t, &versionedStore{current: 100})
	for version, tooLarge := range map[string]bool{"101": true, "100": false, "0": false, "": false} {
		_, err := rest.List(inNamespace(t), &metainternalversion.ListOptions{ResourceVersion: version})
		if storage.IsTooLargeResourceVersion(err) != tooLarge || !tooLarge && err != nil {
			t.Errorf("at %q: got %v, want too large: %v", version, err, tooLarge)
		}
		if after, retry := apierrors.SuggestsClientDelay(err); retry && after > 0 {
			t.Errorf("at %q: Retry-After of %d s", version, after)
		}
	}
}
