// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

// Defaults returns what stands for a zero in the sizes and times of a Config.
func Defaults() Config {
	return Config{
		CacheBytes:    defaultCacheBytes,
		MemTableBytes: defaultMemTableBytes,
		FeedBytes:     defaultFeedBytes,
		Retention:     defaultRetention,
		MinFreeBytes:  defaultMinFreeBytes,
		ClockJumpHold: defaultClockJumpHold,
	}
}
