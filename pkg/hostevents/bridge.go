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

// Config is everything that a Bridge needs. All fields must be set but Shared and Now.
type Config struct {
	// Mode is any but ModeOff.
	Mode Mode
	// Host is the host cluster.
	Host Host
	// Local is our store.
	Local Local
	// Records is where the bridge keeps what it must not forget.
	Records Records
	// Shared tells that several processes write to the store.
	Shared bool
	// Timeout is how long a write waits for the host.
	Timeout time.Duration
	// HostTTL is for how long the host keeps an event after its last write.
	HostTTL time.Duration
	// Retention is for how long we keep one after it was last seen.
	Retention func(*events.Event) time.Duration
	// Elect calls lead while this process is the leader, with a context that ends
	// with that, and returns when its own context has ended.
	Elect func(ctx context.Context, lead func(context.Context)) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Mode says how events and the host's core/v1 events are kept the same.
type Mode string

// The modes.
const (
	// ModeSync takes in the host's events, and makes each write in the host
	// before it is answered.
	ModeSync Mode = "sync"
	// ModeAsync takes in the host's events, and makes writes in the host soon
	// after they were answered.
	ModeAsync Mode = "async"
	// ModeIngest takes in the host's events and writes nothing there.
	ModeIngest Mode = "ingest"
	// ModeOff does neither.
	ModeOff Mode = "off"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{ModeSync, ModeAsync, ModeIngest, ModeOff} }

// ParseMode returns the mode of that name, or an error that names them all.
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

// mirrors tells whether writes are made in the host.
func (m Mode) mirrors() bool { return m == ModeSync || m == ModeAsync }

// Bridge keeps the two views the same. Its methods may be called by many at once.
type Bridge struct {
	config  Config
	breaker *retry.Breaker
	locks   *keyLocks
	graves  *graves
	state   *state
	backoff *retry.Backoff
	// wake tells the queue that there is something in it.
	wake chan struct{}
}

// New returns a bridge. Nothing runs before Run is called, yet writes can be
// mirrored.
func New(config Config) *Bridge {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Bridge{
		config:  config,
		breaker: retry.NewBreaker(config.Now),
		locks:   newKeyLocks(),
		graves:  newGraves(config.Now),
		state:   newState(config.Now),
		backoff: retry.NewBackoff(config.Now),
		wake:    make(chan struct{}, 1),
	}
}

// Mirrors tells whether writes are to be made in the host.
func (b *Bridge) Mirrors() bool { return b.config.Mode.mirrors() }

// Lock waits until no other write to the event is under way, and returns what
// ends that. It must be held from before a write to the host until its result
// is stored.
func (b *Bridge) Lock(key Key) (unlock func()) { return b.locks.lock(key) }

// Run takes in and works on the queue while this process leads, until the
// context ends.
func (b *Bridge) Run(ctx context.Context) error {
	return b.config.Elect(ctx, b.lead)
}

// keyLocks lets one at a time work on an event: a mirrored write until it is
// stored, what comes in, what the queue makes equal. So an echo finds its write
// stored already.
type keyLocks struct {
	mutex sync.Mutex
	locks map[Key]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

func newKeyLocks() *keyLocks { return &keyLocks{locks: map[Key]*keyLock{}} }

// lock waits for the key and returns what frees it.
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
