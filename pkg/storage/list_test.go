// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/utils/ptr"
)

func TestRemainingItemCount(t *testing.T) {
	t.Parallel()
	const pods, limit = 30, 10
	f := newFixture(t, func(config *Config) { config.RemainingCountLimit = limit })
	createPods(t, f.store, "ns", pods)
	createPods(t, f.store, "other", 3)
	// A key of another resource, which must not be counted.
	f.increaseRevision(t.Context(), t)
	f.awaitCounts(t, "/pods/ns/")
	for _, test := range []struct {
		name, key string
		// size is the limit of each page, page the number of the page to check.
		size int64
		page int
		node string
		want *int64
	}{
		{"the rest is counted", "/pods/ns/", 20, 1, "", ptr.To[int64](10)},
		{"first page of a large namespace", "/pods/ns/", 5, 1, "", ptr.To[int64](25)},
		{"second page of a large namespace", "/pods/ns/", 5, 2, "", ptr.To[int64](20)},
		{"one more than the limit", "/pods/ns/", 19, 1, "", ptr.To[int64](11)},
		{"first page of all namespaces", "/pods/", 5, 1, "", ptr.To[int64](28)},
		{"second page of all namespaces", "/pods/", 5, 2, "", ptr.To[int64](23)},
		{"later page", "/pods/", 5, 5, "", ptr.To[int64](8)},
		{"last page", "/pods/ns/", 10, 3, "", nil},
		{"a selector", "/pods/", 1, 1, "node-1", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			predicate := onNode(test.node)
			predicate.Limit = test.size
			list := &example.PodList{}
			for range test.page {
				predicate.Continue = list.Continue
				list = &example.PodList{}
				if err := f.store.GetList(t.Context(), test.key, storage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
					t.Fatal(err)
				}
			}
			if !ptr.Equal(list.RemainingItemCount, test.want) {
				t.Errorf("got %d, want %d", ptr.Deref(list.RemainingItemCount, -1), ptr.Deref(test.want, -1))
			}
			// A token has the number only if the next page cannot count.
			if got, want := remainingOf(list.Continue), ptr.Deref(test.want, 0); got != want && (got != 0 || want > limit) {
				t.Errorf("the token has %d, want %d", got, want)
			}
			if int64(len(list.Items)) != test.size {
				t.Errorf("got %d items", len(list.Items))
			}
		})
	}
}

// awaitCounts waits until the engine knows how many keys begin with the prefix.
func (f *fixture) awaitCounts(t *testing.T, prefix string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, wait.ForeverTestTimeout, true, func(context.Context) (bool, error) {
		_, known, err := f.engine.KnownCount([]byte(prefix))
		return known, err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A list at an older revision is counted where possible, because the engine's number is
// that of the newest revision; one whose token has expired goes on with the number in it.
func TestRemainingItemCount_OfAnOlderRevision(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(config *Config) { config.RemainingCountLimit = 10 })
	createPods(t, f.store, "ns", 12)
	old := strconv.FormatUint(uint64(f.engine.Revision()), 10)
	createPods(t, f.store, "ns2", 1)
	for n := range 20 {
		name := fmt.Sprint("later-", n)
		if err := f.store.Create(t.Context(), "/pods/ns/"+name, podNamed(name), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	f.awaitCounts(t, "/pods/ns/")
	page := func(opts storage.ListOptions, limit int64) (*example.PodList, error) {
		opts.Recursive, opts.Predicate.Limit = true, limit
		opts.Predicate.Label, opts.Predicate.Field = labels.Everything(), fields.Everything()
		list := &example.PodList{}
		return list, f.store.GetList(t.Context(), "/pods/ns/", opts, list)
	}
	exact := storage.ListOptions{ResourceVersion: old, ResourceVersionMatch: metav1.ResourceVersionMatchExact}
	list, err := page(exact, 3)
	if err != nil || ptr.Deref(list.RemainingItemCount, -1) != 9 {
		t.Errorf("%d remain and %v, want 9", ptr.Deref(list.RemainingItemCount, -1), err)
	}
	if list, err = page(storage.ListOptions{}, 2); err != nil || ptr.Deref(list.RemainingItemCount, -1) != 30 {
		t.Fatalf("%d remain and %v, want 30", ptr.Deref(list.RemainingItemCount, -1), err)
	}
	f.compact(t.Context(), t, strconv.FormatUint(uint64(f.increaseRevision(t.Context(), t)), 10)) //nolint:gosec // not negative
	next := storage.ListOptions{}
	next.Predicate.Continue = list.Continue
	_, err = page(next, 2)
	refused := new(apierrors.StatusError)
	if !errors.As(err, &refused) || !apierrors.IsResourceExpired(err) {
		t.Fatalf("got %v, want that it has expired", err)
	}
	next.Predicate.Continue = refused.ErrStatus.Continue
	if list, err = page(next, 2); err != nil || ptr.Deref(list.RemainingItemCount, -1) != 28 {
		t.Errorf("%d remain and %v, want 28", ptr.Deref(list.RemainingItemCount, -1), err)
	}
}

// TestRemainingOf also decodes tokens that a client has made up.
func TestRemainingOf(t *testing.T) {
	t.Parallel()
	token, err := storage.EncodeContinue("/pods/ns/a\x00", "/pods/ns/", 7)
	if err != nil {
		t.Fatal(err)
	}
	more, err := addRemaining(token, 1234567)
	if err != nil {
		t.Fatal(err)
	}
	if got := remainingOf(more); got != 1234567 {
		t.Errorf("%d of %q", got, more)
	}
	key, revision, err := storage.DecodeContinue(more, "/pods/ns/")
	if key != "/pods/ns/a\x00" || revision != 7 || err != nil {
		t.Errorf("the token is for %q at %d, %v", key, revision, err)
	}
	for _, none := range []string{"", token, "%", "e30", base64.RawURLEncoding.EncodeToString([]byte(`{"remaining":-1}`)),
		base64.RawURLEncoding.EncodeToString([]byte(`{"remaining":"x"}`)), base64.RawURLEncoding.EncodeToString([]byte(`{"remaining":1e30}`))} {
		if got := remainingOf(none); got != 0 {
			t.Errorf("%d of %q", got, none)
		}
	}
}
