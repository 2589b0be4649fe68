// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"hash/maphash"
	"maps"
	"slices"
)

const (
	// leastBuckets and mostBuckets bound how precisely a multiset hash locates a
	// disagreement is; keysForBucket is for how many keys there is one bucket.
	leastBuckets  = 256
	mostBuckets   = 1 << 16
	keysForBucket = 16
	// multisetHashRows is about how many rows a multiset hash keeps in memory to name those
	// that disagree.
	multisetHashRows = 100_000
)

// multisetHash compares the rows of one kind that must be there with those that are,
// whatever the order in which they come and however many they are. The hash of
// each row that must be there is added to one of many sums, that of each row that
// is there is taken away. Where a sum is not zero in the end the two disagree;
// that they disagree unseen is as good as impossible. A second reading, after
// reopen, then names the rows.
type multisetHash struct {
	seed maphash.Seed
	sums []uint64
	rows int64

	// chosen are the buckets whose rows the second reading looks at, and missing
	// what must be there and was not seen yet.
	chosen  map[uint64]bool
	missing map[string]struct{}
	// leftOver is called for a row that must not be there.
	leftOver func(row []byte)
}

// newMultisetHash returns one for about so many keys.
func newMultisetHash(keys int64) *multisetHash {
	buckets := min(max(keys/keysForBucket, leastBuckets), mostBuckets)
	return &multisetHash{seed: maphash.MakeSeed(), sums: make([]uint64, buckets)}
}

func (l *multisetHash) hash(row []byte) (hash, bucket uint64) {
	hash = maphash.Bytes(l.seed, row)
	return hash, hash % uint64(len(l.sums))
}

// must notes a row that must be there. In the second reading it comes before all
// calls of is.
func (l *multisetHash) must(row []byte) {
	hash, bucket := l.hash(row)
	if l.chosen == nil {
		l.sums[bucket] += hash
		return
	}
	if l.chosen[bucket] {
		l.missing[string(row)] = struct{}{}
	}
}

// is notes a row that is there.
func (l *multisetHash) is(row []byte) {
	hash, bucket := l.hash(row)
	if l.chosen == nil {
		l.rows++
		l.sums[bucket] -= hash
		return
	}
	if !l.chosen[bucket] {
		return
	}
	if _, expected := l.missing[string(row)]; !expected {
		l.leftOver(row)
		return
	}
	delete(l.missing, string(row))
}

// agrees reports whether the rows were the same.
func (l *multisetHash) agrees() bool {
	return !slices.ContainsFunc(l.sums, func(sum uint64) bool { return sum != 0 })
}

// reopen prepares the second reading, for about as many rows that disagree as
// most. It reports whether that covers all of them.
func (l *multisetHash) reopen(most int, leftOver func(row []byte)) (all bool) {
	l.chosen, l.missing, l.leftOver = map[uint64]bool{}, map[string]struct{}{}, leftOver
	most = min(most, int(multisetHashRows/(l.rows/int64(len(l.sums))+1)+1))
	for bucket, sum := range l.sums {
		if sum == 0 {
			continue
		}
		if len(l.chosen) == most {
			return false
		}
		l.chosen[uint64(bucket)] = true
	}
	return true
}

// lacking returns the rows that must be there and are not, after the second
// reading, in order.
func (l *multisetHash) lacking() []string { return slices.Sorted(maps.Keys(l.missing)) }
