// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"os"
	"runtime/debug"
)

// embeddedGarbagePercent is how much garbage there may be, as a part of what is in
// use. Go's own 100 would double the memory of caches and buffers. There are few
// pointers in these, so looking for garbage more often costs little: with 50 less
// than two in a hundred of the processor time of writes.
const embeddedGarbagePercent = 40

// LimitGarbage makes the process collect garbage as early as is good for one with
// an embedded store, unless GOGC is set in its environment.
func LimitGarbage() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(embeddedGarbagePercent)
	}
}
