// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// source is a Source of the records.
type source []Record

// Each implements Source.
func (s source) Each(_ context.Context, visit func(*Record) error) error {
	for i := range s {
		if err := visit(&s[i]); err != nil {
			return err
		}
	}
	return nil
}

// target records what is stored, in order, and returns the outcomes of the test.
type target struct {
	answer func(*Record) (Outcome, error)

	mutex  sync.Mutex
	stored []Record
}

// Create implements Target.
func (s *target) Create(_ context.Context, record *Record) (Outcome, error) {
	outcome, err := s.answer(record)
	if err == nil && outcome == Created {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.stored = append(s.stored, *record)
	}
	return outcome, err
}

func creating() *target {
	return &target{answer: func(*Record) (Outcome, error) { return Created, nil }}
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) }

// some returns records of every kind, large and small.
func some() source {
	var records source
	for i := range 200 {
		records = append(records, Record{Kind: Event, Key: fmt.Sprintf("team/event-%d", i), Expires: start().Add(time.Hour + time.Duration(i)), Value: []byte{byte(i), 0, '\n'}})
	}
	return append(records,
		Record{Kind: Event, Key: "team/large", Value: bytes.Repeat([]byte("\xff"), 3*bufferBytes)},
		Record{Kind: Event, Key: "team/over", Expires: start().Add(-1), Value: []byte("x")},
		Record{Kind: HostRecord, Key: "queue/team/event-1", Expires: start().Add(time.Minute), Value: []byte("{}")},
		Record{Kind: HostRecord, Key: "queue/team/over", Expires: start(), Value: []byte("{}")},
		Record{Kind: HostPosition, Key: "state/position", Value: []byte(`{"position":7}`)})
}

func exported(t *testing.T, from source) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := Export(t.Context(), from, &file, func(Counts) {}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestRoundTrip expects unchanged records, and the position last.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	file := exported(t, some())
	counts, err := Verify(bytes.NewReader(file))
	if want := (Counts{Events: 202, HostRecords: 2, HostPositions: 1}); err != nil || counts != want {
		t.Errorf("verified %+v and %v, want %+v", counts, err, want)
	}
	into := creating()
	result, err := Import(t.Context(), into, bytes.NewReader(file), start)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Result{Imported: 201, Expired: 1, HostRecords: 2}); !cmp.Equal(result, want) {
		t.Errorf("the result is %+v, want %+v", result, want)
	}
	stored := map[string]Record{}
	for _, record := range into.stored {
		stored[record.Key] = record
	}
	for _, want := range some() {
		got, there := stored[want.Key]
		if over := strings.HasSuffix(want.Key, "/over"); there == over {
			t.Errorf("%s is stored: %v", want.Key, there)
		} else if diff := cmp.Diff(want, got); there && diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Key, diff)
		}
	}
	order := into.stored[len(into.stored)-2:]
	if order[0].Kind != HostRecord || order[1].Kind != HostPosition {
		t.Errorf("the last two are %s and %s, want the records of the bridge after all events, and the position last", order[0].Kind, order[1].Kind)
	}
}

// TestIncomplete truncates a file at any byte and alters any line of it.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	records := some()
	file := exported(t, append(records[:12:12], records[len(records)-3:]...))
	for cut := 0; cut < len(file); cut += 1 + len(file)/100 {
		expectRejected(t, fmt.Sprintf("cut at %d", cut), file[:cut], ErrIncomplete)
	}
	expectRejected(t, "cut at the last byte", file[:len(file)-1], ErrIncomplete)
	lines := bytes.SplitAfter(file, []byte("\n"))
	for i := range lines[:len(lines)-1] {
		without := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		expectRejected(t, fmt.Sprintf("without line %d", i), without, ErrIncomplete)
	}
	altered := bytes.Replace(file, []byte("event-3"), []byte("event-9"), 1)
	expectRejected(t, "altered", altered, ErrIncomplete)
	expectRejected(t, "followed by something", append(bytes.Clone(file), '\n'), ErrIncomplete)
	expectRejected(t, "of another program", []byte("{}\n"), ErrIncomplete)
	expectRejected(t, "of an unknown kind", bytes.Replace(file, []byte(`"kind":"event"`), []byte(`"kind":"more"`), 1), ErrIncomplete)
	expectRejected(t, "of a newer version", bytes.Replace(file, []byte(`"version":1`), []byte(`"version":2`), 1), ErrNewerVersion)
	expectRejected(t, "with a line without end", append(bytes.Clone(lines[0]), bytes.Repeat([]byte("x"), maxLineBytes+2*bufferBytes)...), ErrIncomplete)
}

func expectRejected(t *testing.T, name string, file []byte, want error) {
	t.Helper()
	if _, err := Verify(bytes.NewReader(file)); !errors.Is(err, want) {
		t.Errorf("%s: verified with %v, want %v", name, err, want)
	}
	into := creating()
	if _, err := Import(t.Context(), into, bytes.NewReader(file), start); !errors.Is(err, want) {
		t.Errorf("%s: imported with %v, want %v", name, err, want)
	}
	for _, record := range into.stored {
		if record.Kind == HostPosition {
			t.Errorf("%s: the position is stored although records are missing", name)
		}
	}
}

// TestImport_Outcomes counts outcomes, and goes on after a record that no store can store.
func TestImport_Outcomes(t *testing.T) {
	t.Parallel()
	into := &target{answer: func(record *Record) (Outcome, error) {
		switch record.Key {
		case "team/event-1":
			return AlreadyThere, nil
		case "team/event-2":
			return Taken, nil
		case "team/event-3":
			return 0, &RecordError{errors.New("it is no event")}
		}
		return Created, nil
	}}
	result, err := Import(t.Context(), into, bytes.NewReader(exported(t, some())), start)
	want := Result{Imported: 198, AlreadyThere: 1, Taken: 1, Expired: 1, Failed: 1, HostRecords: 1, Failures: []string{"event team/event-3: it is no event"}}
	if diff := cmp.Diff(want, result); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if last := into.stored[len(into.stored)-1]; last.Kind == HostPosition {
		t.Error("the position is stored although an event is missing")
	}
}

// TestImport_StoreFails aborts with the error of the store.
func TestImport_StoreFails(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	into := &target{answer: func(record *Record) (Outcome, error) {
		if record.Key == "team/event-150" {
			return 0, full
		}
		return Created, nil
	}}
	result, err := Import(t.Context(), into, bytes.NewReader(exported(t, some())), start)
	if !errors.Is(err, full) || result.Imported == 0 || result.Failed > 0 {
		t.Errorf("%+v and %v, want that some were imported and then the reason", result, err)
	}
}

// TestExport_Fails returns the error of the writer.
func TestExport_Fails(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	if _, err := Export(t.Context(), some(), failing{full}, func(Counts) {}); !errors.Is(err, full) {
		t.Errorf("got %v, want that the disk is full", err)
	}
}

type failing struct{ err error }

// Write fails.
func (f failing) Write([]byte) (int, error) { return 0, f.err }
