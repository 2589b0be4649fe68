// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// certainlyAbsent asks the filter, and says whether there was one.
func certainlyAbsent(e *Engine, key string) (absent, answering bool) {
	e.rowLock.Lock()
	defer e.rowLock.Unlock()
	return e.absence.certain(appendVersionPrefix(nil, []byte(key))), e.absence.answering != nil
}

func awaitAbsence(t *testing.T, e *Engine) {
	t.Helper()
	eventually(t, func() error {
		if _, answering := certainlyAbsent(e, "any"); !answering {
			return errors.New("the filter is not built")
		}
		return nil
	})
}

func create(ctx context.Context, e *Engine, key string, deadline time.Time) error {
	_, err := e.Commit(ctx, Op{Key: []byte(key), Value: []byte("v|"), Expect: Absent(), Deadline: deadline})
	return err
}

// TestAbsence_AfterARestart has more keys than are read at once, all of which
// expire, or none, or some.
func TestAbsence_AfterARestart(t *testing.T) {
	t.Parallel()
	for _, expire := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("one in %d expires", expire), func(t *testing.T) {
			t.Parallel()
			testAbsenceAfterARestart(t, func(n int) bool { return expire > 0 && n%expire == 0 })
		})
	}
}

func testAbsenceAfterARestart(t *testing.T, expires func(n int) bool) {
	t.Helper()
	const keys = 2*absenceChunk + 10
	config := Config{FS: vfs.NewMem(), keyFilterBytes: 4 * keys}
	key := func(n int) string { return fmt.Sprintf("key-%d", n) }
	e := open(t, config)
	var writers sync.WaitGroup
	for part := range 16 {
		writers.Go(func() {
			for n := part; n < keys; n += 16 {
				var deadline time.Time
				if expires(n) {
					deadline = time.Now().Add(time.Hour)
				}
				if err := create(t.Context(), e, key(n), deadline); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if _, err := e.Commit(t.Context(), Op{Key: []byte(key(7))}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	e = open(t, config)
	awaitAbsence(t, e)
	wrong := 0
	for n := range keys {
		if absent, _ := certainlyAbsent(e, key(n)); absent && n != 7 {
			t.Fatalf("%s is certainly absent, but was written", key(n))
		}
		if absent, _ := certainlyAbsent(e, key(n+keys)); !absent {
			wrong++
		}
	}
	if wrong > keys/100 {
		t.Errorf("of %d keys that were never written %d are not known to be absent", keys, wrong)
	}
	conflict := (*ConflictError)(nil)
	if err := create(t.Context(), e, key(keys-1), time.Time{}); !errors.As(err, &conflict) || conflict.Current == nil {
		t.Errorf("a key is created twice: %v", err)
	}
	if err := errors.Join(create(t.Context(), e, key(7), time.Time{}), create(t.Context(), e, key(keys), time.Time{})); err != nil {
		t.Errorf("creating a deleted and a new key: %v", err)
	}
	if absent, _ := certainlyAbsent(e, key(keys)); absent {
		t.Errorf("%s is certainly absent, but has just been written", key(keys))
	}
}

// TestAbsence_CrowdedFilters replaces keys under many writers until several
// filters have been crowded. No key that is there may be missing in any of them.
func TestAbsence_CrowdedFilters(t *testing.T) {
	t.Parallel()
	for name, deadline := range map[string]time.Time{"keys expire": time.Now().Add(time.Hour), "keys do not expire": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCrowdedFilters(t, deadline)
		})
	}
}

func testCrowdedFilters(t *testing.T, deadline time.Time) {
	t.Helper()
	const (
		writers, keysOfEach = 8, 40
		rounds              = 25
	)
	e := openByItself(t, Config{keyFilterBytes: 512, Retention: time.Second})
	defer closeEngine(t, e)
	awaitAbsence(t, e)
	filters := map[*keyFilter]bool{}
	var lock sync.Mutex
	var writing sync.WaitGroup
	for writer := range writers {
		writing.Go(func() {
			for round := range rounds {
				for n := range keysOfEach {
					key := fmt.Sprintf("key-%d-%d-%d", writer, round, n)
					if err := create(t.Context(), e, key, deadline); err != nil {
						t.Errorf("creating %s: %v", key, err)
					}
					if err := create(t.Context(), e, key, deadline); !errors.As(err, new(*ConflictError)) {
						t.Errorf("creating %s again: %v", key, err)
					}
					if _, err := e.Commit(t.Context(), Op{Key: []byte(key)}); err != nil {
						t.Errorf("deleting %s: %v", key, err)
					}
				}
				if writer == 0 {
					if err := e.Compact(t.Context(), e.Revision()); err != nil {
						t.Error(err)
					}
				}
				e.rowLock.Lock()
				lock.Lock()
				filters[e.absence.answering] = true
				lock.Unlock()
				e.rowLock.Unlock()
			}
		})
	}
	writing.Wait()
	if len(filters) < 3 {
		t.Errorf("%d filters were seen in all, which proves nothing", len(filters))
	}
}
