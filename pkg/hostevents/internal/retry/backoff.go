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

// Backoff delays the attempts at each record for which the host returns an error of
// its own, so that a failing webhook is not called for the same event at once.
type Backoff struct {
	now func() time.Time

	mutex sync.Mutex
	byKey map[string]*retry
	// pass counts the passes over the queue.
	pass uint64
}

type retry struct {
	backoff wait.Backoff
	due     time.Time
	// seen is the last pass in which the queue had the record.
	seen uint64
	// token is the state of the record for which there was nothing to do at idleAt.
	token  string
	idleAt time.Time
}

// NewBackoff returns a backoff with all records due.
func NewBackoff(now func() time.Time) *Backoff {
	return &Backoff{now: now, byKey: map[string]*retry{}}
}

// Due reports whether the record may be tried now.
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

// Failed delays the next attempt, longer each time.
func (r *Backoff) Failed(key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known := r.known(key)
	known.due = r.now().Add(known.backoff.Step())
}

// Confirmed reports whether there has been nothing to do for the same state of the
// record for the grace period. Otherwise the record is due again after it.
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

// Succeeded removes the record.
func (r *Backoff) Succeeded(key string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.byKey, key)
}

// Passed ends a pass over the whole queue, and removes records that it does not have
// any more.
func (r *Backoff) Passed() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	maps.DeleteFunc(r.byKey, func(_ string, known *retry) bool { return known.seen != r.pass })
	r.pass++
}
