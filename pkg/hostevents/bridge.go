// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
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

// Bridge keeps the two views the same. Its methods may be called by many at once.
type Bridge struct {
	config  Config
	breaker *breaker
	locks   *keyLocks
	graves  *graves
	state   *state
	retries *retries
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
		breaker: newBreaker(config.Now),
		locks:   newKeyLocks(),
		graves:  newGraves(config.Now),
		state:   newState(config.Now),
		retries: newRetries(config.Now),
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
