// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"context"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// leaseStep is the time by which entries may end later than their deadline, so
	// that many of them share a lease; shareLeasesFrom is how much time must be left
	// for that. Etcd's own store rounds by as much.
	leaseStep       = time.Minute
	shareLeasesFrom = 20 * time.Minute
	// leaseEntries is how many entries a lease has at most: when one ends, etcd
	// deletes them together.
	leaseEntries = 1000
)

// leases grants leases of etcd for deadlines. Entries come in the order of their
// keys and not of their deadlines, so it keeps one for every deadline.
type leases struct {
	client clientv3.Lease
	now    func() time.Time

	mutex   sync.Mutex
	granted map[time.Time]*grantedLease
}

type grantedLease struct {
	id      clientv3.LeaseID
	entries int
}

func newLeases(client clientv3.Lease, now func() time.Time) *leases {
	return &leases{client: client, now: now, granted: map[time.Time]*grantedLease{}}
}

// until returns a lease that ends at the deadline or at most leaseStep later; none
// for the zero time.
func (l *leases) until(ctx context.Context, deadline time.Time) (clientv3.LeaseID, error) {
	if deadline.IsZero() {
		return clientv3.NoLease, nil
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	step := leaseStep
	if deadline.Sub(now) < shareLeasesFrom {
		step = time.Second
	}
	ends := roundUp(deadline, step)
	if lease := l.granted[ends]; lease != nil && lease.entries < leaseEntries {
		lease.entries++
		return lease.id, nil
	}
	// Rounded up: an entry must not end before its deadline.
	seconds := (ends.Sub(now) + time.Second - 1) / time.Second
	answer, err := l.client.Grant(ctx, max(1, int64(seconds)))
	if err != nil {
		return 0, fmt.Errorf("asking etcd for a lease: %w", err)
	}
	l.granted[ends] = &grantedLease{id: answer.ID, entries: 1}
	return answer.ID, nil
}

// roundUp returns the first multiple of the step that is not before the time. It
// has no monotonic clock, so that equal times are equal keys.
func roundUp(t time.Time, step time.Duration) time.Time {
	t = t.UTC().Round(0)
	if down := t.Truncate(step); down.Before(t) {
		return down.Add(step)
	}
	return t
}
