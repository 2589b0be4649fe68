// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"maps"
	"sync"
	"time"
)

const (
	// failureThreshold is the number of consecutive failures that open the breaker.
	failureThreshold = 3
	// namespaceThreshold is in how many namespaces requests must have timed out before
	// the host counts as unavailable: a webhook that hangs affects one namespace.
	namespaceThreshold = 2
	// probeInterval is how often an open breaker permits a request.
	probeInterval = time.Second
	// maxPause is the longest pause that a host can ask for with Retry-After.
	maxPause = time.Minute
	// namespaceTTL is how long a namespace is kept after its last failure: it may have
	// been deleted.
	namespaceTTL = 10 * time.Minute
)

// Breaker keeps writes from waiting for a host that is unavailable, or that does not
// answer for one namespace.
type Breaker struct {
	now func() time.Time

	mutex sync.Mutex
	// host counts failures of the host itself.
	host circuit
	// namespaces has those in which requests failed after the last success there.
	namespaces map[string]*circuit
}

// circuit counts consecutive failures.
type circuit struct {
	failures int
	probed   time.Time
	// until is the end of the pause that the host has asked for.
	until time.Time
	// timedOut is set if requests have timed out there.
	timedOut bool
}

// NewBreaker returns a breaker that lets all requests through.
func NewBreaker(now func() time.Time) *Breaker {
	return &Breaker{now: now, namespaces: map[string]*circuit{}}
}

// open reports whether requests are held back.
func (c *circuit) open(now time.Time) bool {
	return c.failures >= failureThreshold || now.Before(c.until)
}

// allow permits one request in each probeInterval while the circuit is open.
func (c *circuit) allow(now time.Time) bool {
	if !c.open(now) {
		return true
	}
	if now.Before(c.until) || now.Sub(c.probed) < probeInterval {
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
	// NamespaceUnavailable: not for an event of this namespace.
	NamespaceUnavailable
	// HostUnavailable: for none.
	HostUnavailable
)

// Check returns whether to send a request for an event of the namespace now.
func (b *Breaker) Check(namespace string) Permit {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	if circuit, ok := b.namespaces[namespace]; ok && !circuit.allow(now) {
		return NamespaceUnavailable
	}
	if !b.host.allow(now) {
		return HostUnavailable
	}
	return Permitted
}

// Succeeded records that the host has answered for the namespace.
func (b *Breaker) Succeeded(namespace string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.host = circuit{}
	c, ok := b.namespaces[namespace]
	switch {
	case !ok:
	case b.now().Before(c.until):
		// The request was sent before the host asked for a pause.
		c.failures, c.timedOut = 0, false
	default:
		delete(b.namespaces, namespace)
	}
}

// HostFailed records that the host could not be reached. It reports whether the host
// counts as unavailable from now on.
func (b *Breaker) HostFailed() (opened bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.hostFailed(b.now())
}

// TimedOut records that the host has not answered for the namespace in time. It
// reports whether the host counts as unavailable from now on.
func (b *Breaker) TimedOut(namespace string) (opened bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	b.failedIn(namespace, now).timedOut = true
	return b.namespacesTimedOut() >= namespaceThreshold && b.hostFailed(now)
}

// Throttled records that the host has asked for a pause of requests for the
// namespace.
func (b *Breaker) Throttled(namespace string, pause time.Duration) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	b.failedIn(namespace, now).until = now.Add(min(max(pause, probeInterval), maxPause))
}

// NamespaceFailed records that the host accepts no requests for the namespace.
func (b *Breaker) NamespaceFailed(namespace string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.failedIn(namespace, b.now())
}

// hostFailed is called with the mutex held.
func (b *Breaker) hostFailed(now time.Time) (opened bool) {
	b.host.failures++
	b.host.probed = now
	return b.host.failures == failureThreshold
}

// failedIn is called with the mutex held.
func (b *Breaker) failedIn(namespace string, now time.Time) *circuit {
	c, ok := b.namespaces[namespace]
	if !ok {
		maps.DeleteFunc(b.namespaces, func(_ string, c *circuit) bool { return now.Sub(c.probed) > namespaceTTL })
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

// Open reports whether the host counts as unavailable.
func (b *Breaker) Open() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.host.open(b.now())
}
