// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestJobs runs each measurement on a small embedded store.
func TestJobs(t *testing.T) {
	t.Parallel()
	const count = 2000
	big := storeFlags{Dir: t.TempDir()}
	created := carryOut[createResult](t, createJob{Store: big, Writers: 8, Count: count})
	if created.Events < count || created.CPU <= 0 || created.Generator <= 0 || created.Memory.Now <= 0 {
		t.Errorf("create measured %+v, want at least %d events and what they cost", created, count)
	}
	small := storeFlags{Dir: t.TempDir()}
	few := carryOut[createResult](t, createJob{Store: small, Writers: 1, Count: 100})
	read := carryOut[readResult](t, readJob{Store: big, Events: created.Events, Lists: 10, Small: small, SmallEvents: few.Events, TurnLists: 5, Seed: 1})
	if read.OfPod.P50 <= 0 || read.OfPod.P99 < read.OfPod.P50 || read.First <= 0 || read.Hundredth != 0 || read.ProtobufBytes < 300*count {
		t.Errorf("read measured %+v, want times of lists and of the first page", read)
	}
	if r := read.InTurn; r.Big <= 0 || r.Small <= 0 || r.Times <= 0 || len(r.ByBlocks) == 0 || r.ByBlocks[0].P50 <= 0 {
		t.Errorf("read measured %+v, want times of lists of both stores in turn", r)
	}
	watched := carryOut[watchResult](t, watchJob{Store: big, Watchers: 5, First: 1_000_000, Rate: 500, For: time.Second})
	if watched.Created != 500 || watched.Delivered != 5*500 || watched.P50 <= 0 || watched.P99 < watched.P50 {
		t.Errorf("watch measured %+v, want 500 events delivered to 5 watchers", watched)
	}
	expired := carryOut[expiryResult](t, expiryJob{Store: storeFlags{Dir: t.TempDir()}, Writers: 8, Events: count, Quiet: time.Second})
	if expired.Before <= 0 || expired.During <= 0 || expired.Took <= 0 {
		t.Errorf("expiry measured %+v, want rates", expired)
	}
}

// carryOut runs a job as a worker does, through JSON.
func carryOut[result any](t *testing.T, j job) result {
	t.Helper()
	measured, err := j.run(t.Context())
	if err != nil {
		t.Fatalf("%T: %v", j, err)
	}
	encoded, err := json.Marshal(measured)
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(encoded, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReadRefusesTheWrongNumber(t *testing.T) {
	t.Parallel()
	dir := storeFlags{Dir: t.TempDir()}
	carryOut[createResult](t, createJob{Store: dir, Writers: 1, Count: 1000})
	_, err := readJob{Store: dir, Events: 1_000_000, Lists: 100, Seed: 1}.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "events about pod") {
		t.Errorf("lists of pods that are not there: %v, want an error", err)
	}
}

func TestEventsAreTheSame(t *testing.T) {
	t.Parallel()
	a, b := newGenerator(), newGenerator()
	for _, i := range []int{0, 1, 4, 5, 1_234_567, 2_000_000_000} {
		keyA, eventA := a.event(i)
		keyB, eventB := b.event(i)
		if keyA != keyB || eventA.UID != eventB.UID || eventA.Regarding.UID != eventB.Regarding.UID {
			t.Errorf("event %d is not the same when made again", i)
		}
		if n, err := numberOf(eventA.Name); err != nil || n != i {
			t.Errorf("numberOf(%s) = %d, %v, want %d", eventA.Name, n, err, i)
		}
		if strings.Contains(eventA.Note, "%") {
			t.Errorf("note of event %d: %s", i, eventA.Note)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var r report
	r.add(row{work: "a", embedded: "2/s", etcd: "1/s", ratio: "2.0", reach: "1/s", reached: true})
	r.add(row{work: "b", embedded: "2 s", reach: "1 s"})
	r.add(row{work: "c", embedded: "3 s"})
	var out strings.Builder
	r.write(&out)
	const want = "| a | 2/s | 1/s | 2.0 | 1/s | reached |\n| b | 2 s | – | – | 1 s | **missed** |\n| c | 3 s | – | – | – |  |\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("the table is\n%s\nwant the rows\n%s", out.String(), want)
	}
}
