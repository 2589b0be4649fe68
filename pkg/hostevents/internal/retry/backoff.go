// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Backoff spaces the attempts at each record that the host answers with an error
// of its own: a webhook that fails is not asked about the same event again and
// again.
type Backoff struct {
	now func() time.Time

	mutex sync.Mutex
	byKey map[string]*retry
	// pass counts the passes over the outbox.
	pass uint64
}

type retry struct {
	backoff wait.Backoff
	due     time.Time
	// seen is the last pass in which the outbox had the record.
	seen uint64
	// token is the state of the record for which nothing was to be done at idleAt.
	token  string
	idleAt time.Time
}

// NewBackoff returns a backoff with all records due.
func NewBackoff(now func() time.Time) *Backoff {
	return &Backoff{now: now, byKey: map[string]*retry{}}
}

// Due tells whether the record may be tried now.
func (r *Backoff) Due(key string) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known, ok := r.byKey[key]
	if !ok {
		return true
	}
	known.seen = r.pass
	return !r.now().Before(known.due)
}

// Failed puts the next attempt off, each time for longer.
func (r *Backoff) Failed(key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known := r.known(key)
	known.due = r.now().Add(known.backoff.Step())
}

// Confirmed tells whether nothing was to be done for the same state of the record
// for that long, and asks again after that time otherwise.
func (r *Backoff) Confirmed(key, token string, grace time.Duration) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known, now := r.known(key), r.now()
	if known.token != token {
		known.token, known.idleAt, known.due = token, now, now.Add(grace)
	}
	return now.Sub(known.idleAt) >= grace
}

// known is called with the mutex held.
func (r *Backoff) known(key string) *retry {
	known, ok := r.byKey[key]
	if !ok {
		known = &retry{backoff: wait.Backoff{Duration: firstRetry, Factor: 2, Jitter: 0.5, Steps: 30, Cap: lastRetry}}
		r.byKey[key] = known
	}
	known.seen = r.pass
	return known
}

// Succeeded forgets the record.
func (r *Backoff) Succeeded(key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.byKey, key)
}

// Passed ends a pass over the whole outbox, and forgets records that are gone.
func (r *Backoff) Passed() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	maps.DeleteFunc(r.byKey, func(_ string, known *retry) bool { return known.seen != r.pass })
	r.pass++
}
