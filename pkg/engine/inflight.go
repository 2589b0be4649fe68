// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "sync"

// inFlightGate counts the calls that use the database, which must not be closed under
// them. Unlike a read-write lock it lets a call begin within another one while
// Close waits.
type inFlightGate struct {
	mu      sync.Mutex
	running int
	closed  bool
	idle    chan struct{}
}

// begin returns ErrClosed after close. Otherwise end must follow.
func (c *inFlightGate) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.running++
	return nil
}

func (c *inFlightGate) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if c.closed && c.running == 0 {
		close(c.idle)
	}
}

// close lets no further call begin. It reports whether it was the first to.
func (c *inFlightGate) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	c.idle = make(chan struct{})
	if c.running == 0 {
		close(c.idle)
	}
	return true
}

// wait returns when all calls have ended, after close.
func (c *inFlightGate) wait() { <-c.idle }
