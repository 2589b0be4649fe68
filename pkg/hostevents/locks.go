// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import "sync"

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
