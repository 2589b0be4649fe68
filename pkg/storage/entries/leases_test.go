// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// grants counts the leases that were granted, and their times to live.
type grants struct {
	clientv3.Lease
	seconds []int64
}

// Grant implements clientv3.Lease.
func (g *grants) Grant(_ context.Context, seconds int64) (*clientv3.LeaseGrantResponse, error) {
	g.seconds = append(g.seconds, seconds)
	return &clientv3.LeaseGrantResponse{ID: clientv3.LeaseID(len(g.seconds))}, nil
}

// TestLeases never ends an entry before its deadline, and at most a minute later.
func TestLeases(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	granted := &grants{}
	leases := newLeases(granted, func() time.Time { return now })
	for _, life := range []time.Duration{
		time.Millisecond, time.Second, 1500 * time.Millisecond, 19 * time.Minute, 20 * time.Minute, time.Hour + 17*time.Second, 168 * time.Hour,
	} {
		lease, err := leases.until(t.Context(), now.Add(life))
		if err != nil {
			t.Fatal(err)
		}
		later := time.Duration(granted.seconds[lease-1])*time.Second - life
		if most := 2*time.Second + map[bool]time.Duration{true: time.Minute}[life >= shareLeasesFrom]; later < 0 || later > most {
			t.Errorf("an entry with %s left ends %s later, want at most %s", life, later, most)
		}
	}
	if lease, err := leases.until(t.Context(), time.Time{}); err != nil || lease != clientv3.NoLease {
		t.Errorf("an entry that never ends has lease %d, %v", lease, err)
	}
}

// TestLeases_AreShared by entries that end at nearly the same time, in any order, but
// by a thousand at most.
func TestLeases_AreShared(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	granted := &grants{}
	leases := newLeases(granted, func() time.Time { return now })
	for i := range 5 * leaseEntries {
		// Ten deadlines in each of two minutes, in turn.
		deadline := now.Add(time.Hour + time.Duration(i%2)*time.Minute + time.Duration(1+i%10)*time.Second)
		if _, err := leases.until(t.Context(), deadline); err != nil {
			t.Fatal(err)
		}
	}
	if len(granted.seconds) != 6 {
		t.Errorf("%d leases for 2,500 entries in each of two minutes, want three for each minute", len(granted.seconds))
	}
}
