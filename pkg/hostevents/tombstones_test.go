// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestGraves_ForgetInTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	g := newTombstones(func() time.Time { return now })
	g.add("a")
	now = now.Add(tombstoneTTL)
	g.add("b")
	if !g.has("a") || !g.has("b") {
		t.Error("forgotten too early")
	}
	now = now.Add(tombstoneTTL)
	g.add("c")
	if g.has("a") || !g.has("b") {
		t.Error("the old one is not forgotten, or the young one is")
	}
	for i := range 3 * tombstoneLimit {
		g.add(types.UID(strconv.Itoa(i)))
	}
	if n := len(g.young) + len(g.old); n > 2*tombstoneLimit {
		t.Errorf("%d uids are remembered", n)
	}
}
