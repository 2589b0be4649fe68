// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

// counters are kept with every commit, because counting costs a scan.
type counters struct {
	keys, bytes int64
}

// countersOf reads the numbers of the meta row.
func countersOf(numbers []uint64) counters {
	return counters{keys: int64(numbers[0]), bytes: int64(numbers[1])} //nolint:gosec // numbers made them
}

// numbers are what the meta row holds. Neither is ever negative.
func (c *counters) numbers() []uint64 {
	return []uint64{uint64(max(c.keys, 0)), uint64(max(c.bytes, 0))}
}

func (c *counters) add(key, value []byte) {
	c.keys++
	c.bytes += int64(len(key) + len(value))
}

func (c *counters) remove(key, value []byte) {
	c.keys--
	c.bytes -= int64(len(key) + len(value))
}
