// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func newMasking() *masking {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &masking{memory: newMemory("ns-of-case"), now: func() time.Time { return now }}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// Two servers that choose other values, in the same relations, look the same.
func TestMask_SameRelations(t *testing.T) {
	t.Parallel()
	const one = `{"kind":"EventList","metadata":{"resourceVersion":"40"},"items":[
		{"metadata":{"name":"x-abcde","generateName":"x-","uid":"u1","resourceVersion":"30","creationTimestamp":"2026-01-02T03:04:04Z"},"note":"u1 x-abcde"},
		{"metadata":{"name":"b","uid":"u2","resourceVersion":"31","managedFields":[{"manager":"b","time":"2026-01-02T03:04:00Z"},{"manager":"a","time":"2026-01-02T03:04:01Z"}]}}]}`
	const other = `{"kind":"EventList","metadata":{"resourceVersion":"900"},"items":[
		{"metadata":{"name":"x-fghij","generateName":"x-","uid":"v1","resourceVersion":"888","creationTimestamp":"2026-01-02T03:04:03Z"},"note":"v1 x-fghij"},
		{"metadata":{"name":"b","uid":"v2","resourceVersion":"900","managedFields":[{"manager":"a","time":"2026-01-02T03:04:00Z"},{"manager":"b","time":"2026-01-02T03:04:00Z"}]}}]}`
	a, b := newMasking().mask(parse(t, one)), newMasking().mask(parse(t, other))
	if found := compareTrees("", a, b); len(found) != 0 {
		t.Errorf("differences: %v", found)
	}
}

func TestMask_RetryOfAWatch(t *testing.T) {
	t.Parallel()
	const failed = `{"type":"ERROR","object":{"code":504,"details":{"retryAfterSeconds":1}}}`
	for change, equal := range map[string]bool{`"retryAfterSeconds":3`: true, `"retryAfterSeconds":9`: false, `"name":"x"`: false} {
		a, b := newMasking().mask(parse(t, failed)), newMasking().mask(parse(t, strings.Replace(failed, `"retryAfterSeconds":1`, change, 1)))
		if got := len(compareTrees("", a, b)) == 0; got != equal {
			t.Errorf("%s instead of one second: equal is %t, want %t", change, got, equal)
		}
	}
}

func TestMask_KeepsWhatMayNotDiffer(t *testing.T) {
	t.Parallel()
	const base = `{"metadata":{"name":"e","uid":"u","resourceVersion":"5","creationTimestamp":"2026-01-02T03:04:04Z"},"items":[]}`
	for name, change := range map[string][2]string{
		"a name":                      {`"name":"e"`, `"name":"f"`},
		"a time that is not now":      {"2026-01-02T03:04:04Z", "2025-01-02T03:04:04Z"},
		"a missing uid":               {`"uid":"u",`, ""},
		"a version that is no number": {`"5"`, `"x"`},
	} {
		a, b := newMasking().mask(parse(t, base)), newMasking().mask(parse(t, strings.Replace(base, change[0], change[1], 1)))
		if len(compareTrees("", a, b)) == 0 {
			t.Errorf("%s is masked away", name)
		}
	}
}

func TestMemory_Versions(t *testing.T) {
	t.Parallel()
	m := newMemory("ns-of-case")
	for _, test := range [][2]string{
		{"10", "<version 1>"}, {"12", "<version 2>"}, {"10", "<version 1>"},
		{"11", "<version 3, older than one before>"}, {"abc", "abc"},
	} {
		if got := m.objectVersion(test[0]); got != test[1] {
			t.Errorf("%s: got %s, want %s", test[0], got, test[1])
		}
	}
	for _, test := range []struct {
		value, exact, token string
		want                string
	}{
		{"12", "", "", "<no older than any object>"},
		{"99", "", "", "<no older than any object>"},
		{"99", "", "99", "<that of the first page>"},
		{"11", "", "99", "<older than an object>"},
		{"11", "11", "", "<as asked>"},
		{"", "", "", ""},
	} {
		if got := m.listVersion(test.value, test.exact, test.token); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}

func TestMask_Messages(t *testing.T) {
	t.Parallel()
	m := newMasking()
	m.memory.objectVersion("345")
	m.memory.uid("uid-of-server")
	m.asked, m.sent = "77", "GET /x?resourceVersion=88"
	for text, want := range map[string]string{
		"ResourceVersion in object meta: 345":                     "ResourceVersion in object meta: <version 1>",
		"UID in object meta: uid-of-server":                       "UID in object meta: <uid 1>",
		"Too large resource version: 77, current: 345":            "Too large resource version: <the one asked for>, current: <version>",
		"too old resource version: 88 (99)":                       "too old resource version: 88 (<version>)",
		"UID in record (1c5ac365-55ed-4348-9dad-f32e549e3507)":    "UID in record (<uid 2>)",
		"can have at most 128 characters":                         "can have at most 128 characters",
		`{"creationTimestamp":"2026-01-02T03:04:01Z"} 2020-01-02`: `{"creationTimestamp":"<now>"} 2020-01-02`,
	} {
		if got := m.text(text); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestMask_TokensAreOpened(t *testing.T) {
	t.Parallel()
	token := func(content string) string {
		text, err := variables{}.expand("${base64 " + content + "}")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	a := openToken(token(`{"v":"meta.k8s.io/v1","rv":5,"start":"a\u0000"}`))
	if len(compareTrees("", a, openToken(token(`{"v":"meta.k8s.io/v1","rv":6,"start":"/a\u0000"}`)))) != 0 {
		t.Error("tokens of two stores for the same place differ")
	}
	if len(compareTrees("", a, openToken(token(`{"v":"meta.k8s.io/v1","rv":5,"start":"b\u0000"}`)))) == 0 {
		t.Error("tokens for two places do not differ")
	}
}

func TestVersionOfToken(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{"rv":5}`: "5", `{"rv":-1}`: "", `{"rv":0}`: "", "x": "",
	} {
		query, err := variables{}.expand("limit=1&continue=${base64 " + content + "}")
		if err != nil {
			t.Fatal(err)
		}
		if got := versionOfToken(query); got != want {
			t.Errorf("%s: got %q, want %q", content, got, want)
		}
	}
}
