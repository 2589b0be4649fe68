// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// clock is set by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newTestBreaker() (*breaker, *clock) {
	c := &clock{time.Unix(1000, 0)}
	return newBreaker(c.now), c
}

func TestBreaker_OpensWhenTheHostIsAway(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	b, clock := newTestBreaker()
	for range breakerFailures - 1 {
		b.failed("a", refused)
	}
	if b.check("a") != permitted || b.open() {
		t.Fatal("open before enough failures")
	}
	if !b.failed("a", refused) || b.check("another") != hostAway || !b.open() {
		t.Fatal("not open after enough failures")
	}
	clock.at = clock.at.Add(breakerProbe)
	if b.check("a") != permitted {
		t.Error("no probe when it was time")
	}
	if b.check("a") != hostAway {
		t.Error("a second probe at once")
	}
	b.succeeded("a")
	if b.check("a") != permitted || b.open() {
		t.Error("still open after a success")
	}
}

// A webhook that hangs in one namespace, or a right that is missing there, is that
// namespace's own trouble; requests that time out in several are the host's.
func TestBreaker_KeepsANamespacesTroubleThere(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"times out":    context.DeadlineExceeded,
		"lacks rights": fmt.Errorf("%w: %w", ErrLacksRight, apierrors.NewForbidden(corev1.Resource("events"), "a", nil)),
	} {
		b, clock := newTestBreaker()
		for range 10 * breakerFailures {
			b.failed("bad", err)
		}
		if got := b.check("bad"); got != namespaceAway {
			t.Errorf("%s: the namespace is tried further: %d", name, got)
		}
		if got := b.check("good"); got != permitted || b.open() {
			t.Errorf("%s: another namespace is not tried: %d", name, got)
		}
		clock.at = clock.at.Add(breakerProbe)
		if got := b.check("bad"); got != permitted {
			t.Errorf("%s: the namespace is not probed: %d", name, got)
		}
		b.succeeded("bad")
		if got := b.check("bad"); got != permitted {
			t.Errorf("%s: the namespace is not tried after a success: %d", name, got)
		}
	}
	b, _ := newTestBreaker()
	for range breakerFailures {
		b.failed("a", context.DeadlineExceeded)
		b.failed("b", context.DeadlineExceeded)
	}
	if got := b.check("c"); got != hostAway {
		t.Errorf("requests time out in two namespaces, and another is tried: %d", got)
	}
}

func TestBreaker_HeedsRetryAfter(t *testing.T) {
	t.Parallel()
	b, clock := newTestBreaker()
	b.failed("busy", apierrors.NewTooManyRequests("later", 5))
	b.succeeded("busy") // sent before
	if got := b.check("busy"); got != namespaceAway {
		t.Errorf("tried at once: %d", got)
	}
	if got := b.check("other"); got != permitted || b.open() {
		t.Errorf("another namespace waits, too: %d", got)
	}
	clock.at = clock.at.Add(5 * time.Second)
	if got := b.check("busy"); got != permitted {
		t.Errorf("not tried after the pause: %d", got)
	}
	b.failed("busy", apierrors.NewTooManyRequests("later", int(longestPause/time.Second)*100))
	clock.at = clock.at.Add(longestPause)
	if got := b.check("busy"); got != permitted {
		t.Errorf("a pause without bounds: %d", got)
	}
}

func TestBreaker_ForgetsNamespaces(t *testing.T) {
	t.Parallel()
	b, clock := newTestBreaker()
	for i := range 1000 {
		b.failed(fmt.Sprint("gone-", i), context.DeadlineExceeded)
		b.failed(fmt.Sprint("gone-", i), apierrors.NewTooManyRequests("later", 1))
	}
	clock.at = clock.at.Add(breakerForgets + time.Second)
	b.failed("new", context.DeadlineExceeded)
	if n := len(b.namespaces); n != 1 {
		t.Errorf("%d namespaces are kept", n)
	}
}

// In eight minutes an event is tried a dozen times, not some twenty times a second.
func TestRetries_BackOff(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1000, 0)}
	r := newRetries(c.now)
	key, other := Key{Namespace: "n", Name: "a"}, Key{Namespace: "n", Name: "b"}
	tries := 0
	for range 8 * 60 {
		if r.due(key) {
			tries++
			r.failed(key)
		}
		if !r.due(other) {
			t.Fatal("another event waits, too")
		}
		r.passed()
		c.at = c.at.Add(time.Second)
	}
	if tries < 5 || tries > 10 {
		t.Errorf("tried %d times in eight minutes", tries)
	}
	c.at = c.at.Add(2 * lastRetryOfRecord)
	if !r.due(key) {
		t.Error("not tried for longer than the bound says")
	}
	r.succeeded(key)
	r.failed(other)
	r.passed()
	r.passed() // the outbox has no such record any more
	if n := len(r.byKey); n != 0 {
		t.Errorf("%d records are remembered that are gone", n)
	}
}
