// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"time"
)

// throttle waits for some multiple of the time that background work took, so that
// it takes no more than its share from the writers.
func throttle(ctx context.Context, took time.Duration, times int) error {
	if times == 0 {
		return ctx.Err()
	}
	return sleep(ctx, took*time.Duration(times))
}

// throttleUntil waits until it is time for the next piece of background work, by a
// schedule: at least as long as the last one took, at most maxThrottle times.
func throttleUntil(ctx context.Context, due time.Time, took time.Duration) error {
	const maxThrottle = 9
	return sleep(ctx, min(max(time.Until(due), took), maxThrottle*took))
}

// sleep waits for so long, or until ctx ends.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
