// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"maps"
	"sync"
	"time"
)

const (
	// breakerFailures in a row open the breaker.
	breakerFailures = 3
	// breakerNamespaces is in how many namespaces requests must have timed out
	// before the whole host is taken to be away: a webhook that hangs is one
	// namespace's own trouble.
	breakerNamespaces = 2
	// breakerProbe is how often an open breaker lets a request through.
	breakerProbe = time.Second
	// longestPause bounds what a host may ask for with Retry-After.
	longestPause = time.Minute
	// breakerForgets is after how long without a failure a namespace is forgotten:
	// it may have been deleted.
	breakerForgets = 10 * time.Minute
)

// Breaker keeps writes from waiting for a host that is known to be away, or that
// is known not to answer for one namespace.
type Breaker struct {
	now func() time.Time

	mutex sync.Mutex
	// host counts what says that the host itself is away.
	host circuit
	// namespaces has those in which requests timed out or were throttled since the
	// last success there.
	namespaces map[string]*circuit
}

// circuit counts failures in a row.
type circuit struct {
	failures int
	probed   time.Time
	// until is how long the host has asked to be left alone.
	until time.Time
	// timedOut tells that requests have timed out there.
	timedOut bool
}

// NewBreaker returns a breaker that lets all requests through.
func NewBreaker(now func() time.Time) *Breaker {
	return &Breaker{now: now, namespaces: map[string]*circuit{}}
}

// open tells whether requests go past it.
func (c *circuit) open(now time.Time) bool {
	return c.failures >= breakerFailures || now.Before(c.until)
}

// allow lets one through in each breakerProbe while the circuit is open.
func (c *circuit) allow(now time.Time) bool {
	if !c.open(now) {
		return true
	}
	if now.Before(c.until) || now.Sub(c.probed) < breakerProbe {
		return false
	}
	c.probed = now
	return true
}

// Permit is whether a request may be sent.
type Permit int

// The permits.
const (
	Permitted Permit = iota
	// NamespaceAway: not for an event of this namespace.
	NamespaceAway
	// HostAway: for none.
	HostAway
)

// Check tells whether to try the host now for an event of the namespace.
func (b *Breaker) Check(namespace string) Permit {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	if circuit, ok := b.namespaces[namespace]; ok && !circuit.allow(now) {
		return NamespaceAway
	}
	if !b.host.allow(now) {
		return HostAway
	}
	return Permitted
}

// Succeeded notes that the host has answered for the namespace.
func (b *Breaker) Succeeded(namespace string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.host = circuit{}
	c, ok := b.namespaces[namespace]
	switch {
	case !ok:
	case b.now().Before(c.until):
		// What was sent before the host asked for a pause.
		c.failures, c.timedOut = 0, false
	default:
		delete(b.namespaces, namespace)
	}
}

// HostFailed notes that the host could not be reached. It tells whether the host is
// taken to be away from now on.
func (b *Breaker) HostFailed() (opened bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.hostFailed(b.now())
}

// TimedOut notes that the host has not answered for the namespace in time. It tells
// whether the host is taken to be away from now on.
func (b *Breaker) TimedOut(namespace string) (opened bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	b.failedIn(namespace, now).timedOut = true
	return b.namespacesTimedOut() >= breakerNamespaces && b.hostFailed(now)
}

// Throttled notes that the host has asked to be left alone for so long with requests
// for the namespace.
func (b *Breaker) Throttled(namespace string, pause time.Duration) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	b.failedIn(namespace, now).until = now.Add(min(max(pause, breakerProbe), longestPause))
}

// NamespaceFailed notes that the host takes no requests for the namespace.
func (b *Breaker) NamespaceFailed(namespace string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.failedIn(namespace, b.now())
}

// hostFailed is called with the mutex held.
func (b *Breaker) hostFailed(now time.Time) (opened bool) {
	b.host.failures++
	b.host.probed = now
	return b.host.failures == breakerFailures
}

// failedIn is called with the mutex held.
func (b *Breaker) failedIn(namespace string, now time.Time) *circuit {
	c, ok := b.namespaces[namespace]
	if !ok {
		maps.DeleteFunc(b.namespaces, func(_ string, c *circuit) bool { return now.Sub(c.probed) > breakerForgets })
		c = &circuit{}
		b.namespaces[namespace] = c
	}
	c.failures++
	c.probed = now
	return c
}

// namespacesTimedOut is called with the mutex held.
func (b *Breaker) namespacesTimedOut() int {
	count := 0
	for _, circuit := range b.namespaces {
		if circuit.timedOut {
			count++
		}
	}
	return count
}

// Open tells whether the host is taken to be away.
func (b *Breaker) Open() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.host.open(b.now())
}
