// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"testing"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// An event that was deleted here, and not in the host yet, must not be seen again
// after a restart: neither one that a list shows nor one that the watch does, and
// whether or not its uid in the host was ever learned.
func TestBridge_WhatIsToBeDeletedStaysAwayOverARestart(t *testing.T) {
	t.Parallel()
	for name, forgetful := range map[string]bool{"by a watch": false, "by a list": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, hostevents.ModeSync)
			before := w.replicas[0]
			before.leads()
			w.waitPosition(t)
			before.stop()

			w.mustCreate(t, before, "known")
			w.host.loseAll(answerLost)
			w.mustCreate(t, before, "unknown")
			w.host.loseAll(requestLost)
			w.mustDelete(t, before, "known")
			w.mustDelete(t, before, "unknown")
			if n := len(w.host.snapshot()); n != 2 {
				t.Fatalf("the host has %d events, want 2", n)
			}
			if forgetful {
				w.host.compact()
			}

			w.addReplica(hostevents.ModeSync, false)
			w.replicas[1].leads()
			w.waitPosition(t)
			stored, _, err := w.local.List(t.Context(), "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for i := range stored {
				t.Errorf("%s is back", stored[i].Name)
			}
			w.host.loseAll(nothingLost)
			w.waitEqual(t)
			if n := len(w.host.snapshot()); n != 0 {
				t.Errorf("the host has %d events left", n)
			}
		})
	}
}
