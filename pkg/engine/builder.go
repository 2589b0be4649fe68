// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// state is what a key holds after the writes before.
type state struct {
	exists   bool
	revision Revision
	row      versionRow
}

// builder turns writes into the rows of one batch. rowLock is held while it
// lives.
type builder struct {
	engine *Engine
	batch  *pebble.Batch
	// iter sees all batches before this one, and is nil until it is needed; states
	// has what this one adds.
	iter   *pebble.Iterator
	states map[string]state
	// expiryRows sees the same of the expiry rows; nil until it is needed.
	expiryRows *pebble.Iterator
	// rows are added to the batch at its end.
	rows    *orderedRows
	changes []Change
	last    Revision
	counted counters
	now     uint64
	key     []byte
	row     []byte
	// err is the first error of the batch itself, after which it is of no use.
	err error
}

func (e *Engine) newBuilder() *builder {
	e.rows.reset()
	return &builder{
		engine:  e,
		rows:    &e.rows,
		batch:   e.db.NewBatch(),
		states:  map[string]state{},
		last:    e.last,
		counted: e.counted,
		now:     e.now(),
	}
}

// finish adds the rows that have waited, and those that there is one of for each
// batch.
func (b *builder) finish() error {
	b.rows.each(b.set)
	if len(b.changes) > 0 {
		b.failed(setMeta(b.batch, metaCounters, b.counted.numbers()...))
	}
	err := b.err
	for _, iter := range []*pebble.Iterator{b.iter, b.expiryRows} {
		if iter != nil {
			err = errors.Join(err, iter.Close())
		}
	}
	return err
}

func (b *builder) failed(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *builder) set(key, row []byte) {
	b.failed(wrap("adding a row to a batch", b.batch.Set(key, row, nil)))
}

func (b *builder) delete(key []byte) {
	b.failed(wrap("removing a row in a batch", b.batch.Delete(key, nil)))
}

// request carries out the writes of a request and returns the last revision.
// The write that an error is about has not done anything.
func (b *builder) request(r *request) (Revision, error) {
	for i := range r.writes {
		if err := b.write(&r.writes[i]); err != nil {
			return 0, err
		}
	}
	return b.last, nil
}

func (b *builder) write(w *write) error {
	if w.expire != 0 {
		return b.expire(w)
	}
	current, err := b.state(w.key)
	if err != nil {
		return err
	}
	expired := current.exists && current.row.expired(b.now)
	if expired {
		if err := w.expect.check(w.key, state{}); err != nil {
			return err
		}
	} else if err := w.expect.check(w.key, current); err != nil {
		return err
	}
	if w.deleted && (expired || !current.exists) {
		return ErrNotFound
	}
	if expired {
		// Watchers must see the old life of the key end before a new one begins.
		b.remove(w.key, current, flagDeleted|flagExpired)
		current = state{}
	}
	if w.deleted {
		b.remove(w.key, current, flagDeleted)
		return nil
	}
	return b.put(w, current)
}

// check returns a *ConflictError when the key's state is not as expected.
func (x Expectation) check(key []byte, current state) error {
	holds := true
	switch x.kind {
	case expectNothing:
	case expectAbsent:
		holds = !current.exists
	case expectRevision:
		holds = current.exists && current.revision == x.revision
	}
	if holds {
		return nil
	}
	if !current.exists {
		return &ConflictError{}
	}
	return &ConflictError{Current: &Record{
		Key:            key,
		Value:          slices.Clone(current.row.value),
		Revision:       current.revision,
		CreateRevision: current.row.createRevision,
		Deadline:       timeOf(current.row.deadline),
	}}
}

// state returns what the key holds. Its slices may be kept.
func (b *builder) state(key []byte) (state, error) {
	if s, ok := b.states[string(key)]; ok {
		return s, nil
	}
	b.key = appendVersionPrefix(b.key[:0], key)
	if b.iter == nil {
		iter, err := b.engine.newVersionIter()
		if err != nil {
			return state{}, err
		}
		b.iter = iter
	}
	if !b.iter.SeekPrefixGE(b.key) {
		return state{}, wrap("reading the state of a key", b.iter.Error())
	}
	row, err := b.iter.ValueAndErr()
	if err != nil {
		return state{}, fmt.Errorf("reading the state of a key: %w", err)
	}
	decoded, err := decodeVersionRow(bytes.Clone(row))
	if err != nil {
		return state{}, fmt.Errorf("reading the state of a key: %w", err)
	}
	return state{exists: !decoded.deleted(), revision: versionRevision(b.iter.Key()), row: decoded}, nil
}

// put writes a new version with its change, expiry and index rows.
func (b *builder) put(w *write, current state) error {
	revision := b.last + 1
	next := state{exists: true, revision: revision, row: versionRow{
		createRevision: revision,
		deadline:       w.deadline,
		indexed:        w.indexed,
		value:          w.value,
	}}
	change := Change{Revision: revision, CreateRevision: revision, Key: w.key, Value: w.value}
	if current.exists {
		next.row.createRevision = current.row.createRevision
		change.CreateRevision = current.row.createRevision
		change.PrevRevision, change.PrevValue = current.revision, current.row.value
		b.counted.remove(w.key, current.row.value)
	}
	b.counted.add(w.key, w.value)
	if err := b.addIndexRows(w.key, next.row.indexed, current.row.indexed); err != nil {
		return err
	}
	if w.deadline != 0 {
		b.key = appendExpiryKey(b.key[:0], w.deadline, revision)
		b.set(b.key, w.key)
		b.engine.expiry.added(w.deadline)
	}
	b.commit(w.key, current, next, change)
	return nil
}

// remove writes the end of a key.
func (b *builder) remove(key []byte, current state, flags byte) {
	next := state{revision: b.last + 1, row: versionRow{flags: flags, createRevision: current.row.createRevision}}
	b.counted.remove(key, current.row.value)
	b.commit(key, current, next, Change{
		Revision:       next.revision,
		PrevRevision:   current.revision,
		CreateRevision: current.row.createRevision,
		Key:            key,
		PrevValue:      current.row.value,
		Deleted:        true,
		Expired:        flags&flagExpired != 0,
	})
}

// expire removes a version that was found to be due, unless another write came
// first.
func (b *builder) expire(w *write) error {
	current, known := b.states[string(w.key)]
	if !known {
		newest, err := b.hasExpiryRow(w.expiring.deadline, w.expire)
		if err != nil {
			return err
		}
		current = state{exists: newest, revision: w.expire, row: w.expiring}
	}
	if current.exists && current.revision == w.expire {
		b.remove(w.key, current, flagDeleted|flagExpired)
	}
	return nil
}

// hasExpiryRow reports whether the version still is the newest of its key, from
// the row that only those have. Expiry rows of the same time are neighbours,
// while the versions are all over the disk.
func (b *builder) hasExpiryRow(deadline uint64, revision Revision) (bool, error) {
	if b.expiryRows == nil {
		iter, err := b.engine.newIter([]byte{spaceExpiry}, spaceEnd(spaceExpiry))
		if err != nil {
			return false, err
		}
		b.expiryRows = iter
	}
	b.key = appendExpiryKey(b.key[:0], deadline, revision)
	// The keys of a request ascend, and there is no filter of these rows to ask: a
	// plain seek goes on from where the last one was.
	has := b.expiryRows.SeekGE(b.key) && bytes.Equal(b.expiryRows.Key(), b.key)
	return has, wrap("reading an expiry row", b.expiryRows.Error())
}

// commit writes the rows that every revision has, and removes the expiry row of
// the version before: there is one for the newest version of a key only.
func (b *builder) commit(key []byte, current, next state, change Change) {
	if current.exists && current.row.deadline != 0 {
		b.key = appendExpiryKey(b.key[:0], current.row.deadline, current.revision)
		b.delete(b.key)
	}
	b.key = appendVersionPrefix(b.key[:0], key)
	b.key = appendVersionSuffix(b.key, next.revision)
	b.row = next.row.append(b.row[:0])
	b.rows.add(&b.rows.versions, b.key, b.row)
	row := changeRow{flags: next.row.flags, prevRevision: change.PrevRevision, createRevision: change.CreateRevision, key: key}
	b.key = appendChangeKey(b.key[:0], next.revision)
	b.row = row.append(b.row[:0])
	b.rows.add(&b.rows.changes, b.key, b.row)
	b.last = next.revision
	b.states[string(key)] = next
	b.changes = append(b.changes, change)
}

// addIndexRows adds the rows that the version before, which is readable still,
// does not have already.
func (b *builder) addIndexRows(key []byte, next, current indexValues) error {
	var failed error
	err := next.each(func(id indexID, values [][]byte) {
		for _, value := range values {
			if has, err := current.has(id, value); err != nil || has {
				failed = errors.Join(failed, err)
				continue
			}
			b.engine.addingTo(id, value)
			b.key = appendIndexKey(b.key[:0], id, value, key)
			b.rows.add(&b.rows.entries, b.key, nil)
		}
	})
	return wrap("writing index rows", errors.Join(err, failed))
}

// wrap adds to err, which may be nil, what was being done.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// mostKeptBytes is how much memory orderedRows keep from batch to batch.
const mostKeptBytes = 8 * mib

// orderedRows are rows that wait for the end of a batch. They go into it one kind
// after the other and in order: then each finds its place in the memtable next
// to the one before. None of them is removed or changed by the batch that adds
// it.
type orderedRows struct {
	versions, changes, entries []orderedRow
	// bytes are what the rows are slices of.
	bytes []byte
}

type orderedRow struct{ key, value []byte }

// reset forgets all rows and keeps their memory.
func (r *orderedRows) reset() {
	if cap(r.bytes) > mostKeptBytes {
		*r = orderedRows{}
	}
	r.versions, r.changes, r.entries, r.bytes = r.versions[:0], r.changes[:0], r.entries[:0], r.bytes[:0]
}

// add copies a row to one of the kinds.
func (r *orderedRows) add(kind *[]orderedRow, key, value []byte) {
	begin, middle := len(r.bytes), len(r.bytes)+len(key)
	r.bytes = append(append(r.bytes, key...), value...)
	*kind = append(*kind, orderedRow{r.bytes[begin:middle], r.bytes[middle:]})
}

// each calls set for every row. Changes are in order already.
func (r *orderedRows) each(set func(key, value []byte)) {
	byKey := func(x, y orderedRow) int { return bytes.Compare(x.key, y.key) }
	slices.SortFunc(r.versions, byKey)
	slices.SortFunc(r.entries, byKey)
	for _, rows := range [][]orderedRow{r.versions, r.changes, r.entries} {
		for _, row := range rows {
			set(row.key, row.value)
		}
	}
}
