// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "events.k8s.io", Resource: "events"}
	for name, test := range map[string]struct {
		err     error
		outcome outcome
		code    int32
	}{
		"success":               {nil, acknowledged, 0},
		"not found":             {apierrors.NewNotFound(resource, "x"), refused, 404},
		"conflict, wrapped":     {fmt.Errorf("x: %w", apierrors.NewConflict(resource, "x", io.EOF)), refused, 409},
		"the server is busy":    {apierrors.NewTooManyRequests("x", 1), refused, 429},
		"the server is leaving": {apierrors.NewServiceUnavailable("x"), inDoubt, 0},
		"a time-out":            {apierrors.NewTimeoutError("x", 1), inDoubt, 0},
		"an internal error":     {apierrors.NewInternalError(io.EOF), inDoubt, 500},
		"a broken connection":   {io.ErrUnexpectedEOF, inDoubt, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o, code := outcomeOf(test.err); o != test.outcome || code != test.code {
				t.Errorf("got %s, %d; want %s, %d", o, code, test.outcome, test.code)
			}
		})
	}
}

// A patched event is the one that the writer expects.
func TestMergePatch(t *testing.T) {
	t.Parallel()
	before := someEvent()
	after := before.DeepCopy()
	alter(newRandom(1, 3), after, "w00-000002")
	observe(after)
	document, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := mergePatch(after, before.ResourceVersion)
	if err != nil {
		t.Fatal(err)
	}
	if document, err = strategicpatch.StrategicMergePatch(document, patch, eventsv1.Event{}); err != nil {
		t.Fatal(err)
	}
	got := &eventsv1.Event{}
	if err := json.Unmarshal(document, got); err != nil {
		t.Fatal(err)
	}
	if versionIn(t, got) != versionIn(t, after) {
		t.Errorf("got\n%+v\nwant\n%+v", got, after)
	}
}

func TestKindsOfRequests(t *testing.T) {
	t.Parallel()
	record := newRecord(1, 0, func(problem string) { t.Error(problem) })
	w := newWriter(1, "team", clients{}, record, nil, newRandom(1, 4))
	k := w.keys[0]
	event := someEvent()
	event.Namespace, event.Name = k.namespace, k.name
	for name, test := range map[string]struct {
		held   *holding
		unsure bool
		want   bool
	}{
		"nothing":           {nil, false, true},
		"something":         {&holding{event: event, version: versionIn(t, event), dueFrom: time.Now().Add(time.Hour), dueUntil: time.Now().Add(time.Hour)}, false, true},
		"nearly over":       {&holding{event: event, dueFrom: time.Now().Add(nearEnd / 2), dueUntil: time.Now().Add(time.Hour)}, false, false},
		"over":              {&holding{event: event, dueFrom: time.Now().Add(-time.Hour), dueUntil: time.Now().Add(-time.Hour)}, false, true},
		"nothing certain":   {nil, true, false},
		"certainly nothing": {nil, false, true},
	} {
		w.held, w.unsure = map[key]*holding{}, map[key]bool{k: test.unsure}
		if test.held != nil {
			w.held[k] = test.held
		}
		for range 200 {
			r, err := w.choose(k)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if (r != nil) != test.want {
				t.Fatalf("%s: got the request %+v", name, r)
			}
			if name == "over" {
				w.held[k] = test.held
			}
		}
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &write{id: "w00-000001", verb: "create", targets: []*target{{key: key{"team", "one"}, base: 3}}}
	j.write(w.journal())
	j.write(w.answer(errors.New("broken")))
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sent, answered entry
	decoder := json.NewDecoder(bytes.NewReader(content))
	if err := errors.Join(decoder.Decode(&sent), decoder.Decode(&answered)); err != nil {
		t.Fatal(err)
	}
	if sent.What != "send" || sent.Write != w.id || sent.Keys[0] != "team/one" || sent.Base != 3 {
		t.Errorf("the sending is %+v", sent)
	}
	if answered.What != "in doubt" || answered.Text != "broken" {
		t.Errorf("the answer is %+v", answered)
	}
	if j.write(entry{}); j.close() == nil {
		t.Error("writing to a closed journal is not reported")
	}
}
