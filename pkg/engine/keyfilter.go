// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

const (
	// keyFilterPart of the cache for blocks is what a filter takes beside it. By
	// default that is 13 bits for each of ten million keys, with which it takes one
	// absent key in some hundreds for present.
	keyFilterPart = 8

	// blockWords make up what one key sets bits in, one in each word. They are a
	// line of the processor's cache, so that a look-up waits for memory once.
	blockWords = 8
	// leastKeyBits is how many bits there must be for each key. With fewer, more
	// than one absent key in ten is taken for present.
	leastKeyBits = 6
)

// keyFilter is a Bloom filter: it tells of keys that they have not been added.
// It forgets nothing, and gets to tell less the more are added.
//
// Any number of goroutines may add. A look-up must come after what it is to see.
type keyFilter struct {
	seed   maphash.Seed
	blocks [][blockWords]uint64
	// added counts calls of add that changed something.
	added atomic.Int64
	// most is how many keys the filter has room for.
	most int64
}

func newKeyFilter(bytes int64) *keyFilter {
	return &keyFilter{
		seed:   maphash.MakeSeed(),
		blocks: make([][blockWords]uint64, max(1, bytes/(8*blockWords))),
		most:   bytes * 8 / leastKeyBits,
	}
}

func (f *keyFilter) add(key []byte) {
	block, hash := f.place(key)
	changed := false
	for i := range block {
		bit := wordBit(hash, i)
		changed = atomic.OrUint64(&block[i], bit)&bit == 0 || changed
	}
	if changed {
		f.added.Add(1)
	}
}

// lacks reports that the key was not added. It may be false for such a key, too.
func (f *keyFilter) lacks(key []byte) bool {
	block, hash := f.place(key)
	for i := range block {
		if atomic.LoadUint64(&block[i])&wordBit(hash, i) == 0 {
			return true
		}
	}
	return false
}

// crowded reports whether another filter, with the keys that exist only, would
// be of more use: there are too many in this one, and most of them are gone.
func (f *keyFilter) crowded(existing int64) bool {
	added := f.added.Load()
	return added > f.most && added > 2*existing
}

// place gives the block of a key, by the upper bits of its hash, and the hash,
// whose lower bits are for the words.
func (f *keyFilter) place(key []byte) (*[blockWords]uint64, uint64) {
	hash := maphash.Bytes(f.seed, key)
	number, _ := bits.Mul64(hash, uint64(len(f.blocks)))
	return &f.blocks[number], hash
}

// wordBit picks one of the 64 bits of word i by six bits of the hash, which are
// not those of another word.
func wordBit(hash uint64, i int) uint64 { return 1 << (hash >> (6 * i) & 63) }
