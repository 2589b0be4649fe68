// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"slices"
)

// versionChecker goes through the versions, newest first of each key, and notes
// which rows there must be because of them.
type versionChecker struct {
	*checker
	key  []byte
	last Revision
	// change is the row that the version before must have. It is known when the
	// next one is, which is the one it replaced.
	change  changeRow
	pending bool
	// indexed are the index rows of the versions of the key so far.
	indexed map[string]struct{}
}

// row checks one version.
func (v *versionChecker) row(rowKey, value []byte) {
	if !v.second {
		v.report.Versions++
	}
	key, revision, err := decodeVersionKey(nil, rowKey)
	if err != nil {
		v.corrupt("%w", err)
		return
	}
	row, err := decodeVersionRow(value)
	if err != nil {
		v.corrupt("version %d of key %q: %w", revision, key, err)
		return
	}
	newest := !bytes.Equal(key, v.key)
	if newest {
		v.begin(key)
	} else {
		v.replaced(revision, &row)
	}
	v.last = revision
	v.compaction(revision, &row)
	if revision > v.compacted {
		v.change = changeRow{flags: row.flags, createRevision: row.createRevision, key: key}
		v.pending = true
	}
	if row.deleted() {
		return
	}
	if newest {
		v.newest(revision, &row)
	}
	v.indexRows(revision, &row)
	v.show(revision, &row)
}

// begin is called at the first, newest version of a key.
func (v *versionChecker) begin(key []byte) {
	v.end()
	v.key = key
	if v.indexed == nil {
		v.indexed = map[string]struct{}{}
	}
	clear(v.indexed)
}

// end is called behind the last version of a key.
func (v *versionChecker) end() {
	if v.pending {
		v.must(v.last)
	}
	v.key = nil
}

// replaced is called when the version before is known to have replaced this one.
func (v *versionChecker) replaced(revision Revision, row *versionRow) {
	if v.last <= v.compacted {
		v.corrupt("version %d of key %q outlived its compaction", revision, v.key)
	}
	if v.pending {
		if !row.deleted() {
			v.change.prevRevision = revision
		}
		v.must(v.last)
	}
}

// must notes the change row of a version.
func (v *versionChecker) must(revision Revision) {
	v.scratch = v.change.append(appendChangeKey(v.scratch[:0], revision))
	v.changes.must(v.scratch)
	v.pending = false
}

func (v *versionChecker) compaction(revision Revision, row *versionRow) {
	if row.deleted() && revision <= v.compacted {
		v.corrupt("deletion %d of key %q outlived its compaction", revision, v.key)
	}
}

// newest notes what only the newest version of a key has.
func (v *versionChecker) newest(revision Revision, row *versionRow) {
	if !v.second {
		v.counted.add(v.key, row.value)
	}
	if row.deadline != 0 {
		v.scratch = append(appendExpiryKey(v.scratch[:0], row.deadline, revision), v.key...)
		v.expiries.must(v.scratch)
	}
}

// indexRows notes the index rows of a version, but for those that another version
// of the key has as well. It must store its values in each index that is ready.
func (v *versionChecker) indexRows(revision Revision, row *versionRow) {
	var stored [8]indexID
	ids := stored[:0]
	err := row.indexed.each(func(id indexID, values [][]byte) {
		ids = append(ids, id)
		if x := v.indexes[id]; x != nil && x.ready {
			v.mustIndex(x, values)
		}
	})
	if err != nil {
		v.corrupt("version %d of key %q: %w", revision, v.key, err)
		return
	}
	for id, x := range v.indexes {
		if x.ready && !slices.Contains(ids, id) {
			v.corrupt("version %d of key %q stores no values of index %s", revision, v.key, x.name)
		}
	}
}

func (v *versionChecker) mustIndex(x *checkedIndex, values [][]byte) {
	for _, value := range values {
		v.scratch = appendIndexKey(v.scratch[:0], x.id, value, v.key)
		if _, noted := v.indexed[string(v.scratch)]; noted {
			continue
		}
		v.indexed[string(v.scratch)] = struct{}{}
		x.rows.must(v.scratch)
	}
}

// show passes the version to the callback that checks its value.
func (v *versionChecker) show(revision Revision, row *versionRow) {
	if v.second || v.options.Record == nil {
		return
	}
	err := v.options.Record(row.record(v.key, row.value, revision))
	if errors.Is(err, ErrOpaque) {
		v.report.Opaque++
		return
	}
	if err != nil {
		v.corrupt("version %d of key %q: %w", revision, v.key, err)
	}
}
