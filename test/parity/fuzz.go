// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// fuzzer generates random cases. The same seed and number make the same case.
type fuzzer struct {
	*rand.Rand
}

func newFuzzer(seed, number uint64) *fuzzer {
	return &fuzzer{rand.New(rand.NewPCG(seed, number))}
}

// testCase is a sequence of requests, some good and some not, on a few names, so
// that they meet.
func (f *fuzzer) testCase(name string) testCase {
	const fewest, most = 4, 16
	start := step{Do: "GET ${events}?limit=2", Capture: map[string]string{"start": "metadata.resourceVersion"}}
	c := testCase{Name: name, Steps: []step{start, f.capturingList()}}
	for range fewest + f.IntN(most-fewest) {
		c.Steps = append(c.Steps, f.steps()...)
	}
	c.Steps = append(c.Steps, step{Do: "GET ${events}"})
	if f.IntN(6) == 0 {
		// Not always: it takes a second.
		c.Steps = append(c.Steps, f.replay())
	}
	return c
}

// replay watches all that happened in the case.
func (f *fuzzer) replay() step {
	parameters := []string{"watch=true", "timeoutSeconds=1"}
	parameters = append(parameters, f.pick("resourceVersion=${start}", "resourceVersion=${start}", "resourceVersion=${rv}", "resourceVersion=0", "x=1"))
	parameters = append(parameters, f.maybe(4, "labelSelector=k", "labelSelector=k=v", "labelSelector=!k")...)
	parameters = append(parameters, f.maybe(4, "fieldSelector="+f.selector())...)
	parameters = append(parameters, f.maybe(4, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")...)
	return step{Do: "GET ${events}" + f.query(parameters), Headers: f.headers(), Watch: &watchSpec{}}
}

// steps is one request, and what must come before it.
func (f *fuzzer) steps() []step {
	switch f.IntN(14) {
	case 0, 1, 2:
		return []step{f.create()}
	case 3, 4:
		return []step{f.update()}
	case 5, 6:
		return []step{f.patch()}
	case 7, 8:
		return []step{f.apply()}
	case 9:
		return []step{f.remove()}
	case 10:
		return []step{f.capturingList()}
	case 11:
		return []step{f.get()}
	default:
		// A cache may be behind. After a consistent list it is not.
		return []step{{Do: "GET ${events}", Setup: true}, f.list()}
	}
}

// capturingList sets the variables that the other requests use. A list's version
// must not be used as an object's: whether it is the same depends on what else
// is written to the store.
func (f *fuzzer) capturingList() step {
	return step{
		Do: "GET ${events}?limit=1",
		Capture: map[string]string{ //nolint:gosec // a token is a place in a list
			"rv": "metadata.resourceVersion", "token": "metadata.continue",
			"uid": "items.0.metadata.uid", "objectrv": "items.0.metadata.resourceVersion",
		},
	}
}

func (f *fuzzer) create() step {
	event := f.event()
	return step{
		Do:      "POST ${events}" + f.query(f.writeParameters()),
		Headers: f.headers(),
		Body:    &body{Event: event, Encode: f.encoding(event)},
	}
}

func (f *fuzzer) update() step {
	name := f.name()
	event := f.event()
	meta, isObject := event["metadata"].(map[string]any)
	if isObject && f.IntN(8) != 0 {
		meta["name"] = name
	}
	if isObject && f.IntN(2) == 0 {
		meta["resourceVersion"] = f.pick("${objectrv}", "${objectrv}", "", "1", "abc", "0")
	}
	return step{
		Do:      "PUT ${events}/" + name + f.query(f.writeParameters()),
		Headers: f.headers(),
		Body:    &body{Event: event, Encode: f.encoding(event)},
	}
}

func (f *fuzzer) patch() step {
	contentType := f.pick("application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json")
	var content any = f.change()
	if contentType == "application/json-patch+json" {
		content = f.operations()
	}
	return step{
		Do:      "PATCH ${events}/" + f.name() + f.query(append(f.writeParameters(), f.maybe(12, "force=true", "force=false", "force=x")...)),
		Headers: f.headers(),
		Body:    &body{JSON: content, Type: contentType},
	}
}

func (f *fuzzer) apply() step {
	name := f.name()
	event := f.event()
	if meta, ok := event["metadata"].(map[string]any); ok {
		meta["name"] = name
	}
	if f.IntN(3) == 0 {
		// A part of an event, as another manager would own it.
		event = f.change()
		event["apiVersion"], event["kind"] = "events.k8s.io/v1", "Event"
	}
	parameters := f.maybe(3, "dryRun=All", "fieldValidation=Strict", "fieldValidation=Ignore")
	parameters = append(parameters, f.maybe(2, "force=true", "force=false")...)
	if f.IntN(10) != 0 {
		parameters = append(parameters, "fieldManager="+f.pick("one", "two", "three"))
	}
	content := any(event)
	if f.IntN(3) != 0 {
		content = mergeJSON(validEvent(), event)
	}
	return step{
		Do:      "PATCH ${events}/" + name + f.query(parameters),
		Headers: f.headers(),
		Body:    &body{JSON: content, Encode: encodeYAML, Type: "application/apply-patch+yaml"},
	}
}

func (f *fuzzer) remove() step {
	s := step{Do: "DELETE ${events}/" + f.name(), Headers: f.headers()}
	parameters := f.maybe(3, "dryRun=All", "gracePeriodSeconds=0", "gracePeriodSeconds=7", "propagationPolicy=Foreground",
		"propagationPolicy=Orphan", "propagationPolicy=x", "orphanDependents=true")
	if f.IntN(6) == 0 {
		// Only of one: which of several errors comes first is random.
		s.Do = "DELETE ${events}"
		parameters = append(parameters, "fieldSelector=metadata.name="+f.name())
	}
	s.Do += f.query(parameters)
	if f.IntN(4) == 0 {
		precondition := map[string]any{"uid": f.pick("${uid}", "x")}
		if f.IntN(2) == 0 {
			precondition = map[string]any{"resourceVersion": f.pick("${objectrv}", "1", "x")}
		}
		s.Body = &body{JSON: map[string]any{"preconditions": precondition}}
	}
	return s
}

func (f *fuzzer) get() step {
	return step{
		Do:      "GET ${events}/" + f.name() + f.query(f.maybe(3, "resourceVersion=1", "resourceVersion=abc", "pretty=true")),
		Headers: f.headers(),
	}
}

func (f *fuzzer) list() step {
	var parameters []string
	parameters = append(parameters, f.maybe(2, "limit=1", "limit=2", "limit=3", "limit=0", "limit=-1")...)
	parameters = append(parameters, f.maybe(3, "resourceVersion=0", "resourceVersion=${rv}", "resourceVersion=${objectrv}", "resourceVersion=", "resourceVersion=x")...)
	parameters = append(parameters, f.maybe(4, "resourceVersionMatch=Exact", "resourceVersionMatch=NotOlderThan", "resourceVersionMatch=x")...)
	parameters = append(parameters, f.maybe(6, "continue=${token}", "continue=x", "continue=")...)
	parameters = append(parameters, f.maybe(3, "fieldSelector="+f.selector(), "fieldSelector="+f.selector()+","+f.selector())...)
	parameters = append(parameters, f.maybe(6, "labelSelector=k", "labelSelector=!k", "labelSelector=k=v", "labelSelector=k!=v", "labelSelector=k in (v,w)")...)
	return step{Do: "GET ${events}" + f.query(parameters), Headers: f.headers()}
}

func (f *fuzzer) selector() string {
	field := f.pick("metadata.name", "metadata.namespace", "reason", "type", "reportingController", "regarding.kind",
		"regarding.name", "regarding.uid", "regarding.fieldPath", "note")
	return field + f.pick("=", "!=", "==") + f.pick("a", "b", "${ns}", "Started", "Normal", "Pod", "pod-1", "uid-1", "")
}

func (f *fuzzer) writeParameters() []string {
	parameters := f.maybe(6, "dryRun=All", "dryRun=x")
	parameters = append(parameters, f.maybe(6, "fieldValidation=Strict", "fieldValidation=Ignore", "fieldValidation=Warn")...)
	return append(parameters, f.maybe(5, "fieldManager=one", "fieldManager=two")...)
}

// query joins parameters. Their values are encoded where a URL needs it.
func (f *fuzzer) query(parameters []string) string {
	if len(parameters) == 0 {
		return ""
	}
	return "?" + strings.Join(parameters, "&")
}

func (f *fuzzer) headers() map[string]string {
	if f.IntN(4) != 0 {
		return nil
	}
	return map[string]string{"Accept": f.pick("application/json", "application/yaml", protobufType,
		"application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
		"application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json")}
}

// maybe is one of the values, or, in all but one of so many cases, none.
func (f *fuzzer) maybe(one int, values ...string) []string {
	if f.IntN(one) != 0 {
		return nil
	}
	return []string{f.pick(values...)}
}

func (f *fuzzer) pick(values ...string) string { return values[f.IntN(len(values))] }

func (f *fuzzer) name() string { return f.pick("a", "b", "c") }

// encoding is one in which the event can be written: protobuf has no place for
// values of a wrong type.
func (f *fuzzer) encoding(event map[string]any) string {
	how := f.pick(encodeJSON, encodeJSON, encodeYAML, encodeProtobuf)
	if how == encodeProtobuf {
		if _, err := encodeEventProtobuf(mergeJSON(validEvent(), event)); err != nil {
			return encodeJSON
		}
	}
	return how
}

// caseName has the seed and number of the case.
func caseName(seed, number uint64) string { return fmt.Sprintf("fuzz-%d-%d", seed, number) }
