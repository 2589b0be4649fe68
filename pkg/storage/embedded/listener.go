// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"time"

	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// listener logs what happens in the engine.
func (s *Store) listener() engine.Listener {
	return engine.Listener{
		Failed: func(err error) {
			close(s.failed)
			klog.ErrorS(err, "The disk refused a write; all writes fail until the server restarts, which it does when the disk accepts writes again")
		},
		Space: func(refusing bool, freeBytes uint64) {
			if refusing {
				klog.ErrorS(nil, "The disk is nearly full; writes are refused until space is freed", "dir", s.config.Dir, "freeBytes", freeBytes)
				return
			}
			klog.InfoS("The disk has free space again; writes are accepted", "dir", s.config.Dir, "freeBytes", freeBytes)
		},
		ClockJumped: func(by time.Duration) {
			klog.ErrorS(nil, "The clock of this machine has jumped; no event expires until it has stayed there for the hold time, or has come back; check NTP", "by", by, "hold", s.config.ClockJumpHold)
		},
		ClockTrusted: func(jump time.Duration, stayed bool) {
			if stayed {
				klog.InfoS("The clock has stayed where it jumped to; events expire by it from now on", "by", jump)
				return
			}
			klog.InfoS("The clock has come back; events expire by it again", "by", jump)
		},
		BackgroundError: func(doing string, err error) {
			klog.ErrorS(err, "Background work of the store failed; it is retried", "doing", doing)
		},
		Compacted: func(revision engine.Revision, changes int, took time.Duration) {
			klog.V(2).InfoS("Compacted", "compactRevision", revision, "changes", changes, "took", took)
		},
		IndexBuilt: func(name string, took time.Duration) {
			klog.V(2).InfoS("Built an index", "name", name, "took", took)
		},
		IndexBlocked: func(name string, versions int, reason error) {
			klog.ErrorS(reason, "The backfill of an index is blocked by events that cannot be read; lists that would use the index scan all events, and fail at these; it is retried", "index", name, "versions", versions)
		},
	}
}
