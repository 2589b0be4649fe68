// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

// event is a change to the valid event: mostly none or a good one.
func (f *fuzzer) event() map[string]any {
	event := map[string]any{"metadata": map[string]any{"name": f.name()}}
	for range f.IntN(3) {
		f.alter(event)
	}
	return event
}

// change is a part of an event that was not there before.
func (f *fuzzer) change() map[string]any {
	event := map[string]any{}
	for range 1 + f.IntN(3) {
		f.alter(event)
	}
	return event
}

// alter changes one field, to a good value or a bad one.
func (f *fuzzer) alter(event map[string]any) {
	switch f.IntN(12) {
	case 0, 1:
		event["series"] = f.series()
	case 2, 3, 4:
		f.alterMeta(event)
	case 5:
		event[f.pick("regarding", "related")] = f.reference()
	case 6:
		event["eventTime"] = f.time()
	case 7:
		event["type"] = f.oneOf("Normal", "Warning", "Odd", "", nil)
	case 8:
		event[f.pick("deprecatedCount", "nothing", "metadata", "apiVersion", "kind")] = f.oddValue()
	case 9:
		event[f.pick("deprecatedFirstTimestamp", "deprecatedLastTimestamp")] = f.oneOf("2020-01-02T03:04:05Z", nil, "x")
	case 10:
		event["deprecatedSource"] = f.oneOf(map[string]any{"component": f.text()}, map[string]any{}, nil)
	default:
		event[f.pick("reason", "note", "action", "reportingController", "reportingInstance")] = f.oneOf(f.text(), f.text(), f.oddValue())
	}
}

func (f *fuzzer) alterMeta(event map[string]any) {
	meta, ok := event["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		event["metadata"] = meta
	}
	switch f.IntN(7) {
	case 0, 1:
		meta["labels"] = map[string]any{f.pick("k", "l", "a/b", "a b"): f.oneOf("v", "w", "", "a b", nil, 5)}
	case 2:
		meta["annotations"] = map[string]any{f.pick("k", "a/b", "a b"): f.oneOf(f.text(), nil)}
	case 3:
		meta["finalizers"] = f.oneOf([]any{"a.b/c"}, []any{"a.b/c", "a.b/d"}, []any{"hold"}, []any{}, nil)
	case 4:
		meta["ownerReferences"] = f.oneOf([]any{map[string]any{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": f.text()}}, []any{map[string]any{}}, nil)
	case 5:
		f.alterIdentity(meta)
	default:
		meta[f.pick("creationTimestamp", "deletionTimestamp")] = f.oneOf("2020-01-02T03:04:05Z", nil)
	}
}

// alterIdentity puts a value of the server's only where it means the same on both.
func (f *fuzzer) alterIdentity(meta map[string]any) {
	switch f.IntN(3) {
	case 0:
		meta["uid"] = f.oneOf("${uid}", "x", nil)
	case 1:
		meta["resourceVersion"] = f.oneOf("${objectrv}", "1", "x", nil)
	default:
		meta[f.pick("namespace", "generateName", "name", "nothing")] = f.oneOf("${ns}", "x", nil)
	}
}

func (f *fuzzer) series() any {
	return f.oneOf(
		map[string]any{"count": 2 + f.IntN(5), "lastObservedTime": f.time()},
		map[string]any{"count": 2 + f.IntN(5), "lastObservedTime": "2020-01-02T04:04:05.000001Z"},
		map[string]any{"count": f.IntN(3), "lastObservedTime": "2020-01-02T04:04:05.000001Z"},
		map[string]any{"count": 3},
		map[string]any{},
		nil,
	)
}

func (f *fuzzer) reference() any {
	field := f.pick("kind", "name", "uid", "apiVersion", "fieldPath", "resourceVersion")
	return f.oneOf(map[string]any{field: f.text()}, map[string]any{"namespace": f.oneOf("${ns}", "other", nil)}, map[string]any{}, nil)
}

// time is never the zero time, about which the servers differ on purpose.
func (f *fuzzer) time() any {
	return f.oneOf("2020-01-02T03:04:05.123456Z", "2020-01-02T03:04:05.123456Z", "2020-01-02T03:04:05.123456789Z",
		"2020-01-02T03:04:05.1Z", "2020-01-02T03:04:05Z", "2021-01-02T03:04:05.999999+01:00", "x", nil)
}

func (f *fuzzer) text() string {
	return f.pick("", "x", "other", "example.com/controller", "a/b/c", "日本", "é x", "${repeat x 128}", "${repeat x 129}",
		"${repeat é 64}", "${repeat é 65}", "${repeat x 1024}", "${repeat x 1025}")
}

func (f *fuzzer) oddValue() any {
	return f.oneOf("", "x", 1, -1, 2.5, true, nil, []any{}, map[string]any{}, []any{"x"}, map[string]any{"x": "x"})
}

func (f *fuzzer) oneOf(values ...any) any { return values[f.IntN(len(values))] }

// operations are a JSON patch.
func (f *fuzzer) operations() []any {
	var operations []any
	for range 1 + f.IntN(3) {
		operation := map[string]any{
			"op":   f.pick("add", "add", "replace", "remove", "test", "copy", "move", "x"),
			"path": f.path(),
		}
		if f.IntN(5) != 0 {
			operation["value"] = f.oneOf(f.text(), f.oddValue(), f.series(), map[string]any{"k": "v"})
		}
		if f.IntN(4) == 0 {
			operation["from"] = f.path()
		}
		operations = append(operations, operation)
	}
	return operations
}

func (f *fuzzer) path() string {
	return f.pick("/metadata/labels", "/metadata/labels/k", "/metadata/annotations", "/metadata/finalizers", "/metadata/finalizers/0",
		"/series", "/series/count", "/note", "/type", "/reason", "/nothing", "", "x", "/regarding/name", "/metadata/name")
}
