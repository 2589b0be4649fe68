// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	gocmp "github.com/google/go-cmp/cmp"
)

// clock is a time that tests move.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(by time.Duration) { c.nanos.Add(int64(by)) }

// newRand returns a generator that repeats itself for the same seed.
func newRand(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // nothing here is a secret
}

// anySeed is another one in each run. Tests name themselves after their seed.
func anySeed() uint64 { return rand.Uint64() } //nolint:gosec // nothing here is a secret

// tagsOf indexes a value "a,b|rest" under "a" and "b".
func tagsOf(_, value []byte) ([][]byte, error) {
	tags, _, _ := bytes.Cut(value, []byte("|"))
	return bytes.Split(tags, []byte(",")), nil
}

// lengthOf indexes a value under its length.
func lengthOf(_, value []byte) ([][]byte, error) {
	return [][]byte{fmt.Append(nil, len(value))}, nil
}

func testIndexes() []Index {
	return []Index{{Name: "tags", Values: tagsOf}, {Name: "length", Values: lengthOf, LowCardinality: true}}
}

// model is what the engine should do, in the simplest way: all changes ever in
// a slice, and the states of keys by going through them.
type model struct {
	changes []Change
	// deadlines by revision.
	deadlines       map[Revision]time.Time
	compactRevision Revision
}

func newModel() *model {
	return &model{deadlines: map[Revision]time.Time{}, compactRevision: firstRevision}
}

func (m *model) revision() Revision { return Revision(len(m.changes)) + firstRevision }

func (m *model) since(after Revision) []Change { return m.changes[after-firstRevision:] }

// state returns the records at a revision.
func (m *model) state(at Revision) map[string]Record {
	state := map[string]Record{}
	for _, c := range m.changes[:at-firstRevision] {
		if c.Deleted {
			delete(state, string(c.Key))
			continue
		}
		state[string(c.Key)] = Record{Key: c.Key, Value: c.Value, Revision: c.Revision,
			CreateRevision: c.CreateRevision, Deadline: m.deadlines[c.Revision]}
	}
	return state
}

func (m *model) live(now time.Time) map[string]Record {
	state := m.state(m.revision())
	for key, record := range state {
		if due(record, now) {
			delete(state, key)
		}
	}
	return state
}

func due(r Record, now time.Time) bool { return !r.Deadline.IsZero() && !r.Deadline.After(now) }

// commit returns what Engine.Commit should.
func (m *model) commit(op Op, now time.Time) (Revision, error) {
	stored, exists := m.state(m.revision())[string(op.Key)]
	expired := exists && due(stored, now)
	current := stored
	if expired {
		exists, current = false, Record{}
	}
	switch {
	case op.Expect.kind == expectAbsent && exists,
		op.Expect.kind == expectRevision && (!exists || current.Revision != op.Expect.revision):
		if !exists {
			return 0, &ConflictError{}
		}
		return 0, &ConflictError{Current: &current}
	case op.Value == nil && !exists:
		return 0, ErrNotFound
	}
	if expired {
		m.remove(stored, true)
	}
	if op.Value == nil {
		m.remove(current, false)
		return m.revision(), nil
	}
	revision := m.revision() + 1
	change := Change{Revision: revision, CreateRevision: revision, Key: op.Key, Value: op.Value}
	if exists {
		change.PrevRevision, change.PrevValue, change.CreateRevision = current.Revision, current.Value, current.CreateRevision
	}
	m.changes = append(m.changes, change)
	m.deadlines[revision] = op.Deadline
	return revision, nil
}

func (m *model) remove(r Record, expired bool) {
	m.changes = append(m.changes, Change{Revision: m.revision() + 1, PrevRevision: r.Revision, CreateRevision: r.CreateRevision,
		Key: r.Key, PrevValue: r.Value, Deleted: true, Expired: expired})
}

func (m *model) expire(now time.Time) {
	var gone []Record
	for _, r := range m.state(m.revision()) {
		if due(r, now) {
			gone = append(gone, r)
		}
	}
	slices.SortFunc(gone, func(a, b Record) int {
		if c := a.Deadline.Compare(b.Deadline); c != 0 {
			return c
		}
		return cmp.Compare(a.Revision, b.Revision)
	})
	for _, r := range gone {
		m.remove(r, true)
	}
}

func (m *model) list(q Query, now time.Time) []Record {
	state := m.live(now)
	if q.At != 0 {
		state = m.state(q.At)
	}
	records := []Record{}
	for key, r := range state {
		if !strings.HasPrefix(key, string(q.Prefix)) || key < string(q.From) {
			continue
		}
		if q.Index != "" && !hasValue(q, r) {
			continue
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b Record) int { return bytes.Compare(a.Key, b.Key) })
	return records
}

func hasValue(q Query, r Record) bool {
	for _, index := range testIndexes() {
		if index.Name == q.Index {
			values, _ := index.Values(r.Key, r.Value)
			return slices.ContainsFunc(values, q.wanted)
		}
	}
	return false
}

// lostKey is what the values of some records need to be told; it comes and goes.
type lostKey struct{ lost atomic.Bool }

var errLostKey = errors.New("the key is lost")

// hides reports whether the values of a record cannot be told now.
func (k *lostKey) hides(value []byte) bool { return k.lost.Load() && len(value)%2 == 0 }

// indexes are the testIndexes of records that may be hidden.
func (k *lostKey) indexes() []Index {
	indexes := testIndexes()
	for i := range indexes {
		values := indexes[i].Values
		indexes[i].Values = func(key, value []byte) ([][]byte, error) {
			if k.hides(value) {
				return nil, errLostKey
			}
			return values(key, value)
		}
	}
	return indexes
}

// modelTest drives an engine and a model with the same operations.
type modelTest struct {
	*testing.T
	rand          *rand.Rand
	clock         *clock
	key           *lostKey
	fs            *vfs.MemFS
	indexes       int
	engine        *Engine
	model         *model
	subscriptions []*Subscription
}

func TestModel(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3, 4, anySeed()}
	if *modelSeed != 0 {
		seeds = []uint64{*modelSeed}
	}
	for _, seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			m := &modelTest{T: t, rand: newRand(seed, 0), clock: newClock(), key: &lostKey{}, fs: vfs.NewMem(), model: newModel()}
			m.open()
			defer m.close()
			for range *modelSteps {
				m.step()
			}
			m.check()
		})
	}
}

//nolint:gochecknoglobals // flags of the test binary
var (
	modelSeed  = flag.Uint64("model.seed", 0, "run TestModel with this seed only")
	modelSteps = flag.Int("model.steps", 3000, "operations in each run of TestModel")
)

func (m *modelTest) open() {
	m.Helper()
	e, err := Open(Config{Dir: "data", FS: m.fs, Indexes: m.key.indexes()[:m.indexes], HistoryRetention: -1, Separator: '/',
		Now: m.clock.now, ChangeBufferBytes: 1 << 12, MemTableBytes: 64 << 10, manual: true})
	if err != nil {
		m.Fatalf("open: %v", err)
	}
	m.engine = e
	m.subscriptions = nil
}

func (m *modelTest) close() {
	m.Helper()
	if err := m.engine.Close(); err != nil {
		m.Fatalf("close: %v", err)
	}
}

func (m *modelTest) step() {
	m.Helper()
	switch n := m.rand.IntN(1000); {
	case n < 500:
		m.commit()
	case n < 600:
		m.get()
	case n < 750:
		m.list()
	case n < 800:
		m.count()
	case n < 900:
		m.next()
	case n < 930:
		m.subscribe()
	case n < 960:
		m.clock.advance(time.Duration(m.rand.IntN(3000)) * time.Millisecond)
	case n < 980:
		m.expire()
	case n < 988:
		m.compact()
	case n < 991:
		m.key.lost.Store(m.rand.IntN(2) == 0)
	case n < 993:
		m.backfill()
	case n < 996:
		m.check()
	default:
		if m.rand.IntN(2) == 0 {
			// No change row is left then.
			m.compact()
		}
		m.close()
		m.indexes = m.rand.IntN(3)
		m.open()
		m.compare("revision after open", m.model.revision(), m.engine.Revision())
		m.compare("horizon after open", m.model.compactRevision, m.engine.CompactRevision())
	}
}

func (m *modelTest) anyKey() []byte {
	keys := []string{"a", "a\x00", "a\x00b", "a\x01", "a\xff", "ab", "b", "\x00", "\xff\xff", "/n1/x", "/n1/y", "/n2/x"}
	return []byte(keys[m.rand.IntN(len(keys))])
}

func (m *modelTest) value() []byte {
	tags := []string{"", "x", "y", "x,y", "x,x", "z\x00,x", "y,\x00\x01"}
	return fmt.Appendf(nil, "%s|%s", tags[m.rand.IntN(len(tags))], strings.Repeat("v", m.rand.IntN(20)))
}

func (m *modelTest) upTo(revision Revision) Revision {
	return Revision(m.rand.Uint64N(uint64(revision) + 1))
}

// at returns 0, a readable revision, or one that is not.
func (m *modelTest) at() Revision {
	if m.rand.IntN(2) == 0 {
		return 0
	}
	return m.upTo(m.model.revision() + 1)
}

func (m *modelTest) commit() {
	m.Helper()
	op := Op{Key: m.anyKey()}
	if m.rand.IntN(4) > 0 {
		op.Value = m.value()
		op.IndexValues = m.indexValues(op.Value)
		if m.rand.IntN(3) == 0 {
			op.Deadline = m.clock.now().Add(time.Duration(m.rand.IntN(20)-1) * time.Second)
		}
	}
	switch m.rand.IntN(6) {
	case 0:
		op.Expect = Absent()
	case 1:
		op.Expect = AtRevision(m.upTo(m.model.revision()))
	case 2:
		op.Expect = AtRevision(m.model.state(m.model.revision())[string(op.Key)].Revision)
	}
	got, gotErr := m.engine.Commit(m.Context(), op)
	want, wantErr := m.model.commit(op, m.clock.now())
	m.compare(fmt.Sprintf("commit of %+v", op), want, got)
	m.compareError("commit", wantErr, gotErr)
}

// indexValues returns what a caller that knows the values passes on.
func (m *modelTest) indexValues(value []byte) [][][]byte {
	m.Helper()
	if !m.key.hides(value) && m.rand.IntN(2) == 0 {
		return nil
	}
	all := [][][]byte{}
	for _, index := range testIndexes()[:m.indexes] {
		values, err := index.Values(nil, value)
		m.compareError("values", nil, err)
		all = append(all, values)
	}
	return all
}

// backfill tries to build indexes again.
func (m *modelTest) backfill() {
	m.Helper()
	m.compareError("backfill", nil, m.engine.newBackfill().pass(m.Context()))
	for _, x := range m.engine.indexes {
		if !m.key.lost.Load() && !x.ready.Load() {
			m.Fatalf("index %s is not ready while nothing is hidden", x.name)
		}
	}
}

// compareError also compares the records of conflicts.
func (m *modelTest) compareError(what string, want, got error) {
	m.Helper()
	var wantConflict, gotConflict *ConflictError
	if errors.As(want, &wantConflict) && errors.As(got, &gotConflict) {
		m.compare(what, wantConflict, gotConflict)
		return
	}
	if (want == nil) != (got == nil) || !errors.Is(got, want) {
		m.Fatalf("%s: error %v, want %v", what, got, want)
	}
}

func (m *modelTest) compare(what string, want, got any) {
	m.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		m.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// readError is what a read at a revision must return.
func (m *modelTest) readError(at Revision) error {
	switch {
	case at > m.model.revision():
		return ErrFuture
	case at != 0 && at < m.model.compactRevision:
		return ErrCompacted
	default:
		return nil
	}
}

func (m *modelTest) get() {
	m.Helper()
	key, at := m.anyKey(), m.at()
	got, gotAt, err := m.engine.Get(m.Context(), key, at)
	if want := m.readError(at); want != nil {
		m.compareError("get", want, err)
		return
	}
	wantAt := at
	state := m.model.live(m.clock.now())
	if at == 0 {
		wantAt = m.model.revision()
	} else {
		state = m.model.state(at)
	}
	want, found := state[string(key)]
	if !found {
		m.compareError("get", ErrNotFound, err)
	} else {
		m.compareError("get", nil, err)
	}
	m.compare(fmt.Sprintf("get of %q at %d", key, at), want, got)
	m.compare("revision of get", wantAt, gotAt)
}

func (m *modelTest) list() {
	m.Helper()
	q := Query{At: m.at()}
	if m.rand.IntN(2) == 0 {
		key := m.anyKey()
		q.Prefix = key[:m.rand.IntN(len(key)+1)]
	}
	if m.rand.IntN(3) == 0 {
		q.From = m.anyKey()
	}
	if m.indexes > 0 && m.rand.IntN(2) == 0 {
		index := testIndexes()[m.rand.IntN(m.indexes)]
		values, err := index.Values(nil, m.value())
		m.compareError("values", nil, err)
		q.Index, q.IndexValue = index.Name, values[m.rand.IntN(len(values))]
		if m.rand.IntN(2) == 0 {
			most := q.IndexValue
			q.IndexMatch = func(value []byte) bool { return bytes.Compare(value, most) <= 0 }
		}
	}
	limit := 1 + m.rand.IntN(12)
	refusal := m.readError(q.At)
	want, wanted := []Record{}, map[string]bool{}
	if refusal == nil {
		want = m.model.list(q, m.clock.now())
	}
	for _, r := range want {
		wanted[string(r.Key)] = true
	}
	got := []Record{}
	_, err := m.engine.List(m.Context(), q, func(r Record) bool {
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		// What is hidden may be in any list by an index.
		if q.Index == "" || wanted[string(r.Key)] || !m.key.hides(r.Value) {
			got = append(got, r)
		}
		return len(got) < limit
	})
	m.compareError("list", refusal, err)
	if refusal != nil {
		return
	}
	m.compare(fmt.Sprintf("list of %+v", q), want[:min(limit, len(want))], got)
}

func (m *modelTest) count() {
	m.Helper()
	key := m.anyKey()
	prefix := key[:m.rand.IntN(len(key)+1)]
	got, err := m.engine.Count(m.Context(), nil)
	m.compareError("count", nil, err)
	m.compare("count of all", int64(len(m.model.state(m.model.revision()))), got)
	// The second one is known without a scan, when keys have been read.
	for _, prefix := range [][]byte{prefix, []byte("/n1/")} {
		m.countPrefix(prefix)
	}
}

func (m *modelTest) countPrefix(prefix []byte) {
	m.Helper()
	got, err := m.engine.Count(m.Context(), prefix)
	m.compareError("count", nil, err)
	live := len(m.model.list(Query{Prefix: prefix}, m.clock.now()))
	stored := len(m.model.list(Query{Prefix: prefix, At: m.model.revision()}, m.clock.now()))
	if int(got) != live && int(got) != stored {
		m.Fatalf("count of %q: %d, want %d or %d", prefix, got, live, stored)
	}
}

func (m *modelTest) subscribe() {
	m.Helper()
	after := m.upTo(m.model.revision() + 1)
	s, err := m.engine.Subscribe(after)
	want := m.readError(after)
	if after == 0 {
		want = ErrCompacted
	}
	m.compareError("subscribe", want, err)
	if err == nil {
		m.subscriptions = append(m.subscriptions, s)
	}
}

func (m *modelTest) next() {
	m.Helper()
	if len(m.subscriptions) == 0 {
		return
	}
	i := m.rand.IntN(len(m.subscriptions))
	s := m.subscriptions[i]
	after := s.Revision()
	want := m.model.since(after)
	if len(want) == 0 {
		ctx, cancel := context.WithCancel(m.Context())
		cancel()
		_, err := s.Next(ctx)
		m.compareError("next without changes", context.Canceled, err)
		return
	}
	got, err := s.Next(m.Context())
	if after < m.model.compactRevision && errors.Is(err, ErrCompacted) {
		m.subscriptions = slices.Delete(m.subscriptions, i, i+1)
		return
	}
	m.compareError("next", nil, err)
	if len(got) == 0 {
		m.Fatal("next returned nothing")
	}
	m.compare(fmt.Sprintf("changes after %d", after), want[:min(len(want), len(got))], got)
}

func (m *modelTest) expire() {
	m.Helper()
	m.compareError("expire", nil, m.engine.Expire(m.Context()))
	m.model.expire(m.clock.now())
	m.compare("revision after expiry", m.model.revision(), m.engine.Revision())
}

func (m *modelTest) compact() {
	m.Helper()
	upTo := m.at()
	if m.rand.IntN(4) == 0 {
		upTo = m.model.revision()
	}
	err := m.engine.Compact(m.Context(), upTo)
	if upTo > m.model.revision() {
		m.compareError("compact", ErrFuture, err)
		return
	}
	m.compareError("compact", nil, err)
	m.model.compactRevision = max(m.model.compactRevision, upTo)
	m.compare("horizon", m.model.compactRevision, m.engine.CompactRevision())
}

func (m *modelTest) check() {
	m.Helper()
	m.compareError("check", nil, m.engine.Check(m.Context()))
}
