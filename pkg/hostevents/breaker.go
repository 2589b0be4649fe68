// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"sync"
	"time"
)

const (
	// breakerFailures in a row mean that the host is away.
	breakerFailures = 3
	// breakerProbe is how often it is tried then.
	breakerProbe = time.Second
)

// breaker keeps writes from waiting for a host that is known to be away.
type breaker struct {
	now func() time.Time

	mutex    sync.Mutex
	failures int
	probed   time.Time
}

// allow tells whether to try the host now. While it is away one caller is let
// through in each breakerProbe.
func (b *breaker) allow() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.failures < breakerFailures {
		return true
	}
	now := b.now()
	if now.Sub(b.probed) < breakerProbe {
		return false
	}
	b.probed = now
	return true
}

func (b *breaker) succeeded() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.failures = 0
}

// failed tells whether the host is taken to be away from now on.
func (b *breaker) failed() (opened bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.failures++
	b.probed = b.now()
	return b.failures == breakerFailures
}

// open tells whether the host is taken to be away.
func (b *breaker) open() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.failures >= breakerFailures
}
