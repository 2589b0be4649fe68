// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents/internal/retry"
)

// Config is everything that a Bridge needs. All fields but Shared and Now must be set.
type Config struct {
	// Mode is any but ModeOff.
	Mode Mode
	// Host is the host cluster.
	Host Host
	// Local is this server's store.
	Local Local
	// Outbox is where the bridge keeps what must survive a restart.
	Outbox Outbox
	// Shared is set if several processes write to the store.
	Shared bool
	// Timeout is how long a write waits for the host.
	Timeout time.Duration
	// HostTTL is how long the host keeps an event after its last write.
	HostTTL time.Duration
	// Retention is how long this server keeps an event after it was last seen.
	Retention func(*events.Event) time.Duration
	// Elect calls lead while this process is the leader, with a context that is
	// canceled when it is no longer, and returns when its own context has ended.
	Elect func(ctx context.Context, lead func(context.Context)) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Mode is how events and the core/v1 events of the host are kept one set.
type Mode string

// The modes.
const (
	// ModeSync ingests the host's events, and makes each write in the host before it
	// is answered.
	ModeSync Mode = "sync"
	// ModeAsync ingests the host's events, and makes writes in the host soon after
	// they were answered.
	ModeAsync Mode = "async"
	// ModeIngest ingests the host's events and writes nothing there.
	ModeIngest Mode = "ingest"
	// ModeOff does neither.
	ModeOff Mode = "off"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{ModeSync, ModeAsync, ModeIngest, ModeOff} }

// ParseMode returns the mode with the name, or an error that names all modes.
func ParseMode(name string) (Mode, error) {
	names := make([]string, 0, len(Modes()))
	for _, mode := range Modes() {
		if string(mode) == name {
			return mode, nil
		}
		names = append(names, string(mode))
	}
	return "", fmt.Errorf("unknown mode %q; known: %s", name, strings.Join(names, ", "))
}

// mirrors reports whether writes are made in the host.
func (m Mode) mirrors() bool { return m == ModeSync || m == ModeAsync }

// Bridge keeps the two views equal. Its methods may be called concurrently.
type Bridge struct {
	config     Config
	breaker    *retry.Breaker
	locks      *keyLocks
	tombstones *tombstones
	state      *state
	backoff    *retry.Backoff
	// wake is signaled when a record was put into the outbox.
	wake chan struct{}
}

// New returns a bridge. Writes can be mirrored before Run is called.
func New(config Config) *Bridge {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Bridge{
		config:     config,
		breaker:    retry.NewBreaker(config.Now),
		locks:      newKeyLocks(),
		tombstones: newTombstones(config.Now),
		state:      newState(config.Now),
		backoff:    retry.NewBackoff(config.Now),
		wake:       make(chan struct{}, 1),
	}
}

// Mirrors reports whether writes are to be made in the host.
func (b *Bridge) Mirrors() bool { return b.config.Mode.mirrors() }

// Lock waits until no other write to the event is in progress and returns the unlock
// function. It must be held from before a write to the host until its result is
// stored.
func (b *Bridge) Lock(key Key) (unlock func()) { return b.locks.lock(key) }

// Run ingests the host's events and drains the outbox while this process leads, until
// the context ends.
func (b *Bridge) Run(ctx context.Context) error {
	return b.config.Elect(ctx, b.lead)
}

// keyLocks serializes work on an event: a mirrored write until it is stored, a change
// that is ingested, a record that is drained. So an echo finds its write stored
// already.
type keyLocks struct {
	mutex sync.Mutex
	locks map[Key]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

func newKeyLocks() *keyLocks { return &keyLocks{locks: map[Key]*keyLock{}} }

// lock waits for the key and returns the unlock function.
func (k *keyLocks) lock(key Key) (unlock func()) {
	k.mutex.Lock()
	lock, ok := k.locks[key]
	if !ok {
		lock = &keyLock{}
		k.locks[key] = lock
	}
	lock.users++
	k.mutex.Unlock()
	lock.Lock()
	return func() {
		lock.Unlock()
		k.mutex.Lock()
		defer k.mutex.Unlock()
		if lock.users--; lock.users == 0 {
			delete(k.locks, key)
		}
	}
}
