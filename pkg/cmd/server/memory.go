// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"k8s.io/klog/v2"
)

// embeddedGarbagePercent is GOGC with an embedded store. Go's own 100 would double
// the memory of caches and buffers. There are few pointers in these, so that collecting
// garbage more often costs little: with 50 less than two in a hundred of the processor
// time of writes.
const embeddedGarbagePercent = 40

// LimitGarbage sets GOGC of this process to what is good for one with an embedded
// store, unless it is set in the environment.
func LimitGarbage() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(embeddedGarbagePercent)
	}
}

// memoryShare is the part of the container's memory limit up to which Go's
// runtime lets memory grow before it collects garbage more often. The rest is for
// what the runtime does not count, and for its being late.
const memoryShare = 0.9

// limitMemoryOfContainer makes the runtime keep below the memory limit of the container, of
// cgroups v1 and v2: without one it knows, garbage may be what exceeds the limit,
// and the process is killed where it could have collected it. GOMEMLIMIT in the
// environment has the last word. Without a limit of the container nothing changes.
func limitMemoryOfContainer(ctx context.Context) {
	limit, err := limitMemory(memlimit.FromCgroup)
	switch {
	case err != nil:
		klog.FromContext(ctx).Error(err, "Failed to find the memory limit of the container; set GOMEMLIMIT if it has one")
	case limit > 0:
		klog.FromContext(ctx).Info("Set the memory limit of the Go runtime from that of the container", "GOMEMLIMIT", limit)
	}
}

// limitMemory returns the limit that it has set, in bytes; zero if it has changed
// nothing.
func limitMemory(container memlimit.Provider) (int64, error) {
	const keep = -1
	before := debug.SetMemoryLimit(keep)
	limit, err := memlimit.Set(
		memlimit.WithProvider(container),
		memlimit.WithRatio(memoryShare),
		memlimit.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if errors.Is(err, memlimit.ErrNoCgroup) || errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("limiting memory: %w", err)
	}
	if limit == before {
		return 0, nil
	}
	return limit, nil
}
