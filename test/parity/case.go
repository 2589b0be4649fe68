// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

// suite is the content of one file of testdata: the cases of one theme.
type suite struct {
	Cases []testCase `json:"cases"`
}

// testCase is a sequence of requests that is sent, in order, to each server. Each
// case has namespaces of its own, so that cases may run side by side.
type testCase struct {
	// Name is unique over all files.
	Name string `json:"name"`
	// Serial keeps other cases from running at the same time.
	Serial bool `json:"serial,omitempty"`
	// Steps are what is done.
	Steps []step `json:"steps"`
}

// step is one request, or one thing done to a server between requests. In every
// string, ${name} stands for a variable; see variables.
type step struct {
	// Name describes the step, if the request does not.
	Name string `json:"name,omitempty"`
	// Each repeats the step for every combination of the values.
	Each map[string][]string `json:"each,omitempty"`

	// Do is the request: a method and a path with its query.
	Do string `json:"do,omitempty"`
	// As is the user: admin (the default), nobody, anonymous or badtoken.
	As string `json:"as,omitempty"`
	// Direct sends our side of the request to events-apiserver itself, without
	// kube-apiserver in between.
	Direct bool `json:"direct,omitempty"`
	// Headers of the request.
	Headers map[string]string `json:"headers,omitempty"`
	// Body of the request. None means that it has no body.
	Body *body `json:"body,omitempty"`

	// Setup makes the step a preparation: its answers are not compared.
	Setup bool `json:"setup,omitempty"`
	// Await repeats the request until the answer has this status.
	Await int `json:"await,omitempty"`

	// View reduces a document that describes the whole server to what it says
	// about events.k8s.io.
	View string `json:"view,omitempty"`
	// Capture sets variables from the answer: the name and the place in the
	// body, as keys and indexes between dots.
	Capture map[string]string `json:"capture,omitempty"`

	// Watch makes the request a watch.
	Watch *watchSpec `json:"watch,omitempty"`
	// Read reads on in a watch that an earlier step left open.
	Read *readSpec `json:"read,omitempty"`
	// Compact removes the history up to now: that of the store, or everything,
	// which is also what the server under test remembers itself.
	Compact string `json:"compact,omitempty"`
	// Better marks a request that we accept and the built-in rejects.
	Better *better `json:"better,omitempty"`
}

// better is the request that the built-in gets instead.
type better struct {
	// Difference is the id of the wanted difference.
	Difference string `json:"difference"`
	// BuiltIn is the request that the built-in answers as we must answer ours.
	BuiltIn string `json:"builtIn"`

	// insteadOf is the request that the built-in must refuse.
	insteadOf string
}

// body is the body of a request. Exactly one of Event, JSON, Text and Hex is set.
type body struct {
	// Event is merged, as a JSON merge patch is, into a valid event called e.
	Event map[string]any `json:"event"`
	// JSON is sent as it is.
	JSON any `json:"json,omitempty"`
	// Text is sent as it is.
	Text *string `json:"text,omitempty"`
	// Hex are bytes.
	Hex string `json:"hex,omitempty"`
	// Encode writes Event or JSON as json (the default), yaml or protobuf.
	Encode string `json:"encode,omitempty"`
	// Type is the Content-Type. The default is that of Encode.
	Type string `json:"type,omitempty"`
}

// watchSpec is how far a watch is read.
type watchSpec struct {
	// Open leaves the watch open under this name and reads nothing yet.
	Open string `json:"open,omitempty"`
	// Count is how many changes to read. Without it the watch is read to its end.
	Count int `json:"count,omitempty"`
}

// readSpec reads on in an open watch.
type readSpec struct {
	Watch string `json:"watch"`
	// Count is how many changes to read. Without it the watch is read to its end.
	Count int `json:"count,omitempty"`
}
