// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"fmt"
	"testing"
	"time"
)

// clock is set by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newTestBreaker() (*Breaker, *clock) {
	c := &clock{time.Unix(1000, 0)}
	return NewBreaker(c.now), c
}

func TestBreaker_OpensWhenTheHostIsAway(t *testing.T) {
	t.Parallel()
	b, clock := newTestBreaker()
	for range failureThreshold - 1 {
		b.HostFailed()
	}
	if b.Check("a") != Permitted || b.Open() {
		t.Fatal("open before enough failures")
	}
	if !b.HostFailed() || b.Check("another") != HostUnavailable || !b.Open() {
		t.Fatal("not open after enough failures")
	}
	clock.at = clock.at.Add(probeInterval)
	if b.Check("a") != Permitted {
		t.Error("no probe when it was time")
	}
	if b.Check("a") != HostUnavailable {
		t.Error("a second probe at once")
	}
	b.Succeeded("a")
	if b.Check("a") != Permitted || b.Open() {
		t.Error("still open after a success")
	}
}

// A webhook that hangs in one namespace, or a right that is missing there, is that
// namespace's own trouble; requests that time out in several are the host's.
func TestBreaker_KeepsANamespacesTroubleThere(t *testing.T) {
	t.Parallel()
	for name, failed := range map[string]func(b *Breaker){
		"times out":    func(b *Breaker) { b.TimedOut("bad") },
		"lacks rights": func(b *Breaker) { b.NamespaceFailed("bad") },
	} {
		b, clock := newTestBreaker()
		for range 10 * failureThreshold {
			failed(b)
		}
		if got := b.Check("bad"); got != NamespaceUnavailable {
			t.Errorf("%s: the namespace is tried further: %d", name, got)
		}
		if got := b.Check("good"); got != Permitted || b.Open() {
			t.Errorf("%s: another namespace is not tried: %d", name, got)
		}
		clock.at = clock.at.Add(probeInterval)
		if got := b.Check("bad"); got != Permitted {
			t.Errorf("%s: the namespace is not probed: %d", name, got)
		}
		b.Succeeded("bad")
		if got := b.Check("bad"); got != Permitted {
			t.Errorf("%s: the namespace is not tried after a success: %d", name, got)
		}
	}
	b, _ := newTestBreaker()
	for range failureThreshold {
		b.TimedOut("a")
		b.TimedOut("b")
	}
	if got := b.Check("c"); got != HostUnavailable {
		t.Errorf("requests time out in two namespaces, and another is tried: %d", got)
	}
}

func TestBreaker_HeedsRetryAfter(t *testing.T) {
	t.Parallel()
	b, clock := newTestBreaker()
	b.Throttled("busy", 5*time.Second)
	b.Succeeded("busy") // sent before
	if got := b.Check("busy"); got != NamespaceUnavailable {
		t.Errorf("tried at once: %d", got)
	}
	if got := b.Check("other"); got != Permitted || b.Open() {
		t.Errorf("another namespace waits, too: %d", got)
	}
	clock.at = clock.at.Add(5 * time.Second)
	if got := b.Check("busy"); got != Permitted {
		t.Errorf("not tried after the pause: %d", got)
	}
	b.Throttled("busy", 100*maxPause)
	clock.at = clock.at.Add(maxPause)
	if got := b.Check("busy"); got != Permitted {
		t.Errorf("a pause without bounds: %d", got)
	}
}

func TestBreaker_ForgetsNamespaces(t *testing.T) {
	t.Parallel()
	b, clock := newTestBreaker()
	for i := range 1000 {
		b.TimedOut(fmt.Sprint("gone-", i))
		b.Throttled(fmt.Sprint("gone-", i), 1*time.Second)
	}
	clock.at = clock.at.Add(namespaceTTL + time.Second)
	b.TimedOut("new")
	if n := len(b.namespaces); n != 1 {
		t.Errorf("%d namespaces are kept", n)
	}
}

// In eight minutes an event is tried a dozen times, not some twenty times a second.
func TestRetries_BackOff(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1000, 0)}
	r := NewBackoff(c.now)
	key, other := "n/a", "n/b"
	tries := 0
	for range 8 * 60 {
		if r.Due(key) {
			tries++
			r.Failed(key)
		}
		if !r.Due(other) {
			t.Fatal("another event waits, too")
		}
		r.Passed()
		c.at = c.at.Add(time.Second)
	}
	if tries < 5 || tries > 10 {
		t.Errorf("tried %d times in eight minutes", tries)
	}
	c.at = c.at.Add(2 * lastRetry)
	if !r.Due(key) {
		t.Error("not tried for longer than the limit")
	}
	r.Succeeded(key)
	r.Failed(other)
	r.Passed()
	r.Passed() // the outbox has no such record any more
	if n := len(r.byKey); n != 0 {
		t.Errorf("%d records are remembered that are gone", n)
	}
}
