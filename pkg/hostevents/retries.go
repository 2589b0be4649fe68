// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	firstRetryOfRecord = time.Second
	lastRetryOfRecord  = 5 * time.Minute
)

// retries spaces the attempts at each record that the host answers with an error
// of its own: a webhook that fails is not asked about the same event again and
// again.
type retries struct {
	now func() time.Time

	mutex sync.Mutex
	byKey map[Key]*retry
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

func newRetries(now func() time.Time) *retries {
	return &retries{now: now, byKey: map[Key]*retry{}}
}

// due tells whether the record may be tried now.
func (r *retries) due(key Key) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known, ok := r.byKey[key]
	if !ok {
		return true
	}
	known.seen = r.pass
	return !r.now().Before(known.due)
}

// failed puts the next attempt off, each time for longer.
func (r *retries) failed(key Key) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known := r.known(key)
	known.due = r.now().Add(known.backoff.Step())
}

// confirmed tells whether nothing was to be done for the same state of the record
// for that long, and asks again after that time otherwise.
func (r *retries) confirmed(record Record, grace time.Duration) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known, now := r.known(record.Key), r.now()
	if known.token != record.Token {
		known.token, known.idleAt, known.due = record.Token, now, now.Add(grace)
	}
	return now.Sub(known.idleAt) >= grace
}

// known is called with the mutex held.
func (r *retries) known(key Key) *retry {
	known, ok := r.byKey[key]
	if !ok {
		known = &retry{backoff: wait.Backoff{Duration: firstRetryOfRecord, Factor: 2, Jitter: 0.5, Steps: 30, Cap: lastRetryOfRecord}}
		r.byKey[key] = known
	}
	known.seen = r.pass
	return known
}

// succeeded forgets the record.
func (r *retries) succeeded(key Key) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.byKey, key)
}

// passed ends a pass over the whole outbox, and forgets records that are gone.
func (r *retries) passed() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	maps.DeleteFunc(r.byKey, func(_ Key, known *retry) bool { return known.seen != r.pass })
	r.pass++
}
