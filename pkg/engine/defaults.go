// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

const (
	mib = 1 << 20

	defaultCacheBytes        = 128 * mib
	defaultMemTableBytes     = 64 * mib
	defaultChangeBufferBytes = 32 * mib
	defaultHistoryRetention  = 5 * time.Minute
	defaultMinFreeBytes      = 512 * mib
	defaultClockJumpHold     = time.Hour
)

// Defaults returns what stands for a zero in the sizes and times of a Config.
func Defaults() Config {
	return Config{
		CacheBytes:        defaultCacheBytes,
		MemTableBytes:     defaultMemTableBytes,
		ChangeBufferBytes: defaultChangeBufferBytes,
		HistoryRetention:  defaultHistoryRetention,
		MinFreeBytes:      defaultMinFreeBytes,
		ClockJumpHold:     defaultClockJumpHold,
	}
}

// complete returns the config with defaults, or what is wrong with it.
func (c Config) complete() (Config, error) {
	if c.Dir == "" {
		return c, fmt.Errorf("%w: Config.Dir is empty", ErrInvalid)
	}
	names := map[string]bool{}
	for _, index := range c.Indexes {
		if index.Name == "" || index.Values == nil || names[index.Name] {
			return c, fmt.Errorf("%w: index %q needs a name of its own and Values", ErrInvalid, index.Name)
		}
		names[index.Name] = true
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.elapsed == nil {
		begun := time.Now()
		c.elapsed = func() time.Duration { return time.Since(begun) }
	}
	if c.ReadOnly {
		c.FS, c.KeepIndexes = disk.ReadOnly{FS: c.FS}, true
	}
	c.CacheBytes = orDefault(c.CacheBytes, defaultCacheBytes)
	c.MemTableBytes = orDefault(c.MemTableBytes, defaultMemTableBytes)
	c.ChangeBufferBytes = orDefault(c.ChangeBufferBytes, defaultChangeBufferBytes)
	c.MinFreeBytes = orDefault(c.MinFreeBytes, defaultMinFreeBytes)
	c.HistoryRetention = orDefault(c.HistoryRetention, defaultHistoryRetention)
	c.ClockJumpHold = orDefault(c.ClockJumpHold, defaultClockJumpHold)
	return c, nil
}

func orDefault[T int64 | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}
