// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// history writes into a record what a server and its clients do, right or wrong.
type history struct {
	*record
	problems []string
	ids      int
}

// The history begins with two events, at revisions 2 and 3, both confirmed.
func newHistory() *history {
	h := &history{}
	h.record = newRecord(1, time.Minute, func(problem string) { h.problems = append(h.problems, problem) })
	h.created("one", 2)
	h.created("two", 3)
	h.confirm(3)
	return h
}

func named(name string) key { return key{"team", name} }

// content makes the digests of a content.
func content(text string) digest { return digest([]byte(fmt.Sprintf("%-16s", text))) }

// at returns what a write leaves at a revision. The phase is a at even ones.
func (w *write) at(revision uint64, uid string) version {
	phase := []string{"a", "b"}[revision%2]
	return version{
		key: w.targets[0].key, revision: revision, uid: uid, op: w.id,
		whole: content(w.id + uid), body: content(w.id),
		attrs: attributes{namespace: "team", fields: [6]string{uid, "object", "Reason"}, phase: phase},
	}
}

// send begins a write that is to leave something on the key, at the revision
// base, with time to live for an hour.
func (h *history) send(name string, base uint64) *write { return h.sendFor(time.Hour, name, base) }

func (h *history) sendFor(ttl time.Duration, name string, base uint64) *write {
	h.ids++
	w := &write{id: fmt.Sprintf("write-%d", h.ids), verb: "write", ttl: ttl}
	t := &target{key: named(name), base: base, body: content(w.id)}
	if base == 0 {
		t.body, t.fresh = digest{}, content(w.id)
	}
	w.targets = []*target{t}
	h.begin(w)
	return w
}

// sendDelete begins the deletion of keys.
func (h *history) sendDelete(bases map[string]uint64) *write {
	h.ids++
	w := &write{id: fmt.Sprintf("write-%d", h.ids), verb: "delete", ttl: time.Hour}
	for name, base := range bases {
		w.targets = append(w.targets, &target{key: named(name), base: base, deletes: true, baseDue: time.Now().Add(time.Hour)})
	}
	h.begin(w)
	return w
}

// delivered lets a watch of everything deliver.
func (h *history) delivered(kind watch.EventType, v version) {
	if kind == watch.Deleted {
		h.sawDeletion(v)
		return
	}
	h.sawVersion(v)
}

// done lets a write be made and acknowledged, and a watch deliver what it leaves.
func (h *history) done(w *write, revision uint64, uid string, kind watch.EventType) version {
	v := w.at(revision, uid)
	h.end(w, acknowledged, &v)
	h.delivered(kind, v)
	return v
}

// created is a whole creation.
func (h *history) created(name string, revision uint64) {
	h.done(h.send(name, 0), revision, "uid-of-"+name, watch.Added)
}

// listed is a list of everything.
func (h *history) listed(revision uint64, items ...version) { h.listedAs(newest, revision, items...) }

func (h *history) listedAs(how reading, revision uint64, items ...version) {
	now := time.Now()
	h.sawList(&sample{reading: how, revision: revision, sent: now, done: now, items: items}, h.newest())
}

// now returns what the keys hold, changed by edits.
func (h *history) present(edits ...func(*version)) []version {
	var items []version
	for _, name := range []string{"one", "two", "three"} {
		if c := h.state[named(name)]; c != nil {
			items = append(items, c.version)
		}
	}
	for _, edit := range edits {
		edit(&items[0])
	}
	return items
}

// again is a version at another revision.
func again(v version, revision uint64) version {
	v.revision = revision
	return v
}

func TestRecord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		play func(*history)
		// want is in the first problem; empty for none.
		want string
	}{
		"nothing": {play: func(h *history) { h.confirm(3) }},
		"an update": {play: func(h *history) {
			h.done(h.send("one", 2), 4, "uid-of-one", watch.Modified)
			h.confirm(4)
		}},
		"a deletion and a new life": {play: func(h *history) {
			w := h.sendDelete(map[string]uint64{"one": 2})
			h.end(w, acknowledged, nil)
			h.delivered(watch.Deleted, again(h.state[named("one")].version, 4))
			h.done(h.send("one", 0), 5, "uid-2", watch.Added)
			h.confirm(5)
		}},
		"the deletion of a collection": {play: func(h *history) {
			w := h.sendDelete(map[string]uint64{"one": 2, "two": 3})
			h.delivered(watch.Deleted, again(h.state[named("two")].version, 4))
			h.delivered(watch.Deleted, again(h.state[named("one")].version, 5))
			h.end(w, acknowledged, nil)
			h.confirm(5)
		}},
		"the end of an event's time": {play: func(h *history) {
			v := h.done(h.sendFor(0, "three", 0), 4, "uid-3", watch.Added)
			h.delivered(watch.Deleted, again(v, 5))
			h.confirm(5)
		}},
		"the deletion of a collection when some of it is over": {play: func(h *history) {
			v := h.done(h.sendFor(0, "three", 0), 4, "uid-3", watch.Added)
			h.delivered(watch.Deleted, again(v, 5))
			w := h.sendDelete(map[string]uint64{"two": 3, "three": 4})
			w.on(named("three")).baseDue = time.Now()
			h.delivered(watch.Deleted, again(h.state[named("two")].version, 6))
			h.end(w, acknowledged, nil)
			v = h.done(h.send("three", 0), 7, "uid-4", watch.Added)
			w = h.sendDelete(map[string]uint64{"three": 7})
			h.delivered(watch.Deleted, again(v, 8))
			h.end(w, acknowledged, nil)
			h.confirm(8)
		}},
		"an end of time while the state is confirmed": {play: func(h *history) {
			v := h.done(h.sendFor(0, "three", 0), 4, "uid-3", watch.Added)
			h.listed(4, h.present()...)
			h.delivered(watch.Deleted, again(v, 5))
			h.confirm(4)
			h.listed(5, h.present()[:2]...)
			h.confirm(5)
		}},
		"a write in doubt that was made": {play: func(h *history) {
			w := h.send("one", 2)
			h.end(w, inDoubt, nil)
			h.delivered(watch.Modified, w.at(4, "uid-of-one"))
			h.confirm(4)
		}},
		"a write in doubt that was not made": {play: func(h *history) {
			h.end(h.send("one", 2), inDoubt, nil)
			h.confirm(3)
			h.done(h.send("one", 2), 4, "uid-of-one", watch.Modified)
			h.confirm(4)
		}},
		"a deletion in doubt of which half was made": {play: func(h *history) {
			h.end(h.sendDelete(map[string]uint64{"one": 2, "two": 3}), inDoubt, nil)
			h.delivered(watch.Deleted, again(h.state[named("two")].version, 4))
			h.confirm(4)
		}},

		"an acknowledged write is lost": {
			play: func(h *history) {
				w := h.send("one", 2)
				v := w.at(4, "uid-of-one")
				h.end(w, acknowledged, &v)
				h.listed(3, h.present()...)
			},
			want: "shows revision 3; 4 had been seen before",
		},
		"an acknowledged write is lost and its revision given out again": {
			play: func(h *history) {
				w := h.send("one", 2)
				v := w.at(4, "uid-of-one")
				h.end(w, acknowledged, &v)
				h.delivered(watch.Added, h.send("three", 0).at(4, "uid-3"))
			},
			want: "revision 4 is write-3 of team/one",
		},
		"a change that was only watched is lost": {
			play: func(h *history) {
				h.delivered(watch.Modified, h.send("one", 2).at(4, "uid-of-one"))
				h.listed(3, h.present()...)
			},
			want: "shows revision 3; 4 had been seen before",
		},
		"an acknowledged deletion is lost": {
			play: func(h *history) {
				h.end(h.sendDelete(map[string]uint64{"one": 2}), acknowledged, nil)
				h.confirm(3)
			},
			want: "was acknowledged, but no change shows it",
		},
		"an acknowledged deletion is undone": {
			play: func(h *history) {
				v := h.state[named("one")].version
				h.end(h.sendDelete(map[string]uint64{"one": 2}), acknowledged, nil)
				h.delivered(watch.Deleted, again(v, 4))
				h.confirm(4)
				h.listed(4, append(h.present(), v)...)
			},
			want: "team/one at revision 2 should not be in it",
		},
		"half a collection is left": {
			play: func(h *history) {
				h.end(h.sendDelete(map[string]uint64{"one": 2, "two": 3}), acknowledged, nil)
				h.delivered(watch.Deleted, again(h.state[named("two")].version, 4))
				h.confirm(4)
			},
			want: "(delete) of team/one was acknowledged, but no change shows it",
		},
		"a refused write is made": {
			play: func(h *history) {
				w := h.send("one", 2)
				h.end(w, refused, nil)
				h.delivered(watch.Modified, w.at(4, "uid-of-one"))
				h.confirm(4)
			},
			want: "the write had been refused",
		},
		"a write is made twice": {
			play: func(h *history) {
				w := h.send("one", 2)
				h.end(w, inDoubt, nil)
				h.delivered(watch.Modified, w.at(4, "uid-of-one"))
				h.delivered(watch.Modified, w.at(5, "uid-of-one"))
				h.confirm(5)
			},
			want: "the write was made twice",
		},
		"a write in doubt turns up later": {
			play: func(h *history) {
				w := h.send("one", 2)
				h.end(w, inDoubt, nil)
				h.confirm(3)
				h.delivered(watch.Modified, w.at(4, "uid-of-one"))
				h.confirm(4)
			},
			want: "was not there after the restart, and is now",
		},
		"a write has another content": {
			play: func(h *history) {
				w := h.send("one", 2)
				h.end(w, inDoubt, nil)
				v := w.at(4, "uid-of-one")
				v.body = content("other")
				h.delivered(watch.Modified, v)
				h.confirm(4)
			},
			want: "is not what was sent",
		},
		"an answer has another content": {
			play: func(h *history) {
				w := h.send("one", 2)
				v := w.at(4, "uid-of-one")
				v.body = content("other")
				h.end(w, acknowledged, &v)
			},
			want: "was acknowledged with the content",
		},
		"an update overwrites another one": {
			play: func(h *history) {
				h.delivered(watch.Modified, h.send("one", 2).at(4, "uid-of-one"))
				h.done(h.send("one", 2), 5, "uid-of-one", watch.Modified)
				h.confirm(5)
			},
			want: "it replaced revision 4; the writer knew revision 2",
		},
		"an update changes the uid": {
			play: func(h *history) {
				h.delivered(watch.Modified, h.send("one", 2).at(4, "uid-9"))
				h.confirm(4)
			},
			want: "the event before had the uid uid-of-one",
		},
		"a creation repeats a uid": {
			play: func(h *history) {
				h.delivered(watch.Added, h.send("three", 0).at(4, "uid-of-one"))
				h.confirm(4)
			},
			want: "the uid was there before",
		},
		"a write that was not sent": {
			play: func(h *history) {
				v := h.send("three", 0).at(4, "uid-3")
				v.op = "write-99"
				h.delivered(watch.Added, v)
				h.confirm(4)
			},
			want: "no such write was sent",
		},
		"a write to another key": {
			play: func(h *history) {
				v := h.send("one", 2).at(4, "uid-3")
				v.key = named("three")
				h.delivered(watch.Added, v)
				h.confirm(4)
			},
			want: "did not write that key",
		},
		"a deletion that was not sent": {
			play: func(h *history) {
				h.delivered(watch.Deleted, again(h.state[named("one")].version, 4))
				h.confirm(4)
			},
			want: "no client deleted it, and it could not expire",
		},
		"a deletion of something newer": {
			play: func(h *history) {
				v := h.done(h.send("one", 2), 4, "uid-of-one", watch.Modified)
				h.end(h.sendDelete(map[string]uint64{"one": 2}), inDoubt, nil)
				h.delivered(watch.Deleted, again(v, 5))
				h.confirm(5)
			},
			want: "no client deleted it, and it could not expire",
		},
		"a deletion of another content": {
			play: func(h *history) {
				v := again(h.state[named("one")].version, 4)
				v.whole = content("other")
				h.end(h.sendDelete(map[string]uint64{"one": 2}), acknowledged, nil)
				h.delivered(watch.Deleted, v)
				h.confirm(4)
			},
			want: "what was deleted was",
		},
		"a revision goes back": {
			play: func(h *history) {
				h.sawRevision(9)
				w := h.send("one", 2)
				v := w.at(4, "uid-of-one")
				h.end(w, acknowledged, &v)
			},
			want: "was acknowledged with revision 4; 9 had been seen before it was sent",
		},
		"a revision that no watch delivered": {
			play: func(h *history) {
				h.sawRevision(4)
				h.confirm(4)
			},
			want: "revision 4 was given out, but a watch of everything did not deliver it",
		},
		"a revision appears after it was confirmed": {
			play: func(h *history) {
				v := again(h.present()[0], 1)
				h.sawVersion(v)
			},
			want: "revision 1 is new",
		},
		"a list":                      {play: func(h *history) { h.listed(3, h.present()...) }},
		"a list lacks an event":       {play: func(h *history) { h.listed(3, h.present()[1:]...) }, want: "team/one at revision 2 is missing"},
		"a list has an event twice":   {play: func(h *history) { h.listed(3, append(h.present(), h.present()[0])...) }, want: "team/one is in it twice"},
		"a list has another content":  {play: func(h *history) { h.listed(3, h.present(func(v *version) { v.whole = content("other") })...) }, want: "revision 2 is"},
		"a list has another revision": {play: func(h *history) { h.listed(3, h.present(func(v *version) { v.revision = 1 })...) }, want: "revision 1 is new"},
		"a list of the past":          {play: func(h *history) { h.listedAs(exact, 2, h.present()[0]) }},
		"a list of the past shows the present": {
			play: func(h *history) { h.listedAs(exact, 2, h.present()...) },
			want: "team/two at revision 3 should not be in it",
		},
		"a list of the past lacks what was there": {
			play: func(h *history) { h.listedAs(exact, 2) },
			want: "team/one at revision 2 is missing",
		},
		"a list before its revision is confirmed": {
			play: func(h *history) {
				v := h.send("three", 0).at(4, "uid-3")
				h.listed(4, h.present()...)
				h.delivered(watch.Added, v)
				h.confirm(4)
			},
			want: "team/three at revision 4 is missing",
		},
		"a list hides what is over": {play: func(h *history) {
			w := h.sendFor(0, "three", 0)
			h.end(w, inDoubt, nil)
			h.delivered(watch.Added, w.at(4, "uid-3"))
			h.confirm(4)
			h.listed(4, h.present()[:2]...)
		}},
		"a list shows what is over": {
			play: func(h *history) {
				w := h.sendFor(-time.Second, "three", 0)
				h.end(w, inDoubt, nil)
				h.delivered(watch.Added, w.at(4, "uid-3"))
				h.confirm(4)
				h.listed(4, h.present()...)
			},
			want: "team/three is shown though its time was over",
		},
		"a list of a revision shows what is over": {play: func(h *history) {
			w := h.sendFor(-time.Second, "three", 0)
			h.end(w, inDoubt, nil)
			h.delivered(watch.Added, w.at(4, "uid-3"))
			h.confirm(4)
			h.listedAs(exact, 4, h.present()...)
		}},
		"a recent revision is refused": {
			play: func(h *history) {
				h.sawRefusal(2)
				h.confirm(3)
			},
			want: "revision 2 was refused as too old only",
		},
		"an old revision is refused": {play: func(h *history) {
			h.changes[3].since = time.Now().Add(-2 * time.Minute)
			h.sawRefusal(2)
			h.confirm(3)
		}},
		"the newest revision is refused": {
			play: func(h *history) {
				h.sawRefusal(3)
				h.confirm(3)
			},
			want: "nothing newer is known",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory()
			test.play(h)
			switch {
			case test.want == "" && len(h.problems) > 0:
				t.Errorf("problems in a right history: %q", h.problems)
			case test.want != "" && (len(h.problems) == 0 || !strings.Contains(h.problems[0], test.want)):
				t.Errorf("got the problems %q; the first one must contain %q", h.problems, test.want)
			}
		})
	}
}

// The changes: one and two are created at 2 and 3, in phases a and b; one comes
// to phase b at 5, two to phase a at 6, and is deleted at 7.
func TestCheckStream(t *testing.T) {
	t.Parallel()
	type edit = func([]delivery) []delivery
	right := func(d []delivery) []delivery { return d }
	bookmark := func(at int, revision uint64) edit {
		return func(d []delivery) []delivery {
			return slices.Insert(d, at, delivery{kind: watch.Bookmark, version: version{revision: revision}})
		}
	}
	for name, test := range map[string]struct {
		selection selection
		edit      edit
		ended     bool
		want      string
	}{
		"everything":                       {edit: right},
		"what comes and goes":              {selection: selection{phase: "a"}, edit: right},
		"an object":                        {selection: selection{field: "regarding.uid", value: "uid-of-two"}, edit: right},
		"one is left out":                  {edit: func(d []delivery) []delivery { return slices.Delete(d, 1, 2) }, want: "due was ADDED of team/two at revision 3"},
		"the last one is left out":         {edit: func(d []delivery) []delivery { return d[:len(d)-1] }, want: "DELETED of revision 6 was not delivered"},
		"an ended watch lacks the last":    {edit: func(d []delivery) []delivery { return d[:len(d)-1] }, ended: true},
		"an ended watch lacks one between": {edit: func(d []delivery) []delivery { return slices.Delete(d, 1, 2) }, ended: true, want: "due was ADDED of team/two at revision 3"},
		"one comes twice":                  {edit: func(d []delivery) []delivery { return slices.Insert(d, 1, d[0]) }, want: "it gave ADDED of team/one at revision 2"},
		"the last one comes twice":         {edit: func(d []delivery) []delivery { return append(d, d[len(d)-1]) }, want: "which was not due"},
		"two are exchanged":                {edit: func(d []delivery) []delivery { d[0], d[1] = d[1], d[0]; return d }, want: "it gave ADDED of team/two"},
		"another kind":                     {edit: func(d []delivery) []delivery { d[2].kind = watch.Added; return d }, want: "it gave ADDED of team/one at revision 4"},
		"another content":                  {edit: func(d []delivery) []delivery { d[2].whole = content("other"); return d }, want: "it gave MODIFIED"},
		"a right bookmark":                 {edit: bookmark(1, 2)},
		"a bookmark at the end":            {edit: bookmark(5, 6)},
		"a bookmark before its changes":    {edit: bookmark(1, 3), want: "it gave BOOKMARK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory()
			h.delivered(watch.Modified, withPhase(h.send("one", 2).at(4, "uid-of-one"), "b"))
			h.delivered(watch.Modified, withPhase(h.send("two", 3).at(5, "uid-of-two"), "a"))
			h.sendDelete(map[string]uint64{"two": 5})
			h.sawDeletion(again(h.changes[5].version, 6))
			h.confirm(6)

			s := newStream(test.selection, 1)
			s.ended = test.ended
			var due []delivery
			for revision := uint64(2); revision <= 6; revision++ {
				if d, ok := test.selection.due(h.changes[revision]); ok {
					due = append(due, d)
				}
			}
			for _, d := range test.edit(due) {
				s.add(d)
			}
			h.checkStream("x", s, 6)
			switch {
			case test.want == "" && len(h.problems) > 0:
				t.Errorf("problems with a right watch: %q", h.problems)
			case test.want != "" && (len(h.problems) != 1 || !strings.Contains(h.problems[0], test.want)):
				t.Errorf("got the problems %q, want one that contains %q", h.problems, test.want)
			}
		})
	}
}

func withPhase(v version, phase string) version {
	v.attrs.phase = phase
	return v
}

// What a watch of a phase is due is spelt out once, so that the check is not
// held against itself alone.
func TestDue(t *testing.T) {
	t.Parallel()
	in, out := version{revision: 5, attrs: attributes{phase: "a"}}, version{revision: 5, attrs: attributes{phase: "b"}}
	wasIn, wasOut := &change{version: in}, &change{version: out}
	for name, test := range map[string]struct {
		change change
		want   watch.EventType
	}{
		"new in":       {change{version: in}, watch.Added},
		"new out":      {change{version: out}, ""},
		"stays in":     {change{version: in, prev: wasIn}, watch.Modified},
		"stays out":    {change{version: out, prev: wasOut}, ""},
		"comes in":     {change{version: in, prev: wasOut}, watch.Added},
		"goes out":     {change{version: out, prev: wasIn}, watch.Deleted},
		"deleted in":   {change{version: in, deleted: true, prev: wasIn}, watch.Deleted},
		"deleted out":  {change{version: out, deleted: true, prev: wasOut}, ""},
		"deleted, new": {change{version: in, deleted: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, ok := selection{phase: "a"}.due(&test.change)
			if ok != (test.want != "") || d.kind != test.want {
				t.Errorf("got %q, %v; want %q", d.kind, ok, test.want)
			}
		})
	}
}
