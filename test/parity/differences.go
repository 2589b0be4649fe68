// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"
)

// wanted are the differences that are there on purpose. It remembers which were
// met, so that the list cannot go stale.
type wanted struct {
	Differences []wantedDifference `json:"differences"`

	mu  sync.Mutex
	met map[string]bool
}

// wantedDifference is one thing that we do differently on purpose.
type wantedDifference struct {
	// ID is how cases and docs/api-conformance.md refer to it.
	ID string `json:"id"`
	// Reason is the reason, in a sentence for users.
	Reason string `json:"reason"`
	// Stores are those that do it. Without any, all do.
	Stores []string `json:"stores,omitempty"`
	// Allow are the places that may differ, and how.
	Allow []allowance `json:"allow,omitempty"`
	// RenameFields are fields that errors name as the built-in's (the key) and
	// as ours (the value).
	RenameFields map[string]string `json:"renameFields,omitempty"`
	// ReplaceText maps texts in messages of the built-in to ours.
	ReplaceText map[string]string `json:"replaceText,omitempty"`
	// Structs are fields that hold an object. The built-in shows its value as in
	// Go, ours is shown as in JSON.
	Structs []string `json:"structs,omitempty"`
}

// allowance lets a place differ in one way. Its members are regular expressions
// that match the whole text.
type allowance struct {
	Case string `json:"case,omitempty"`
	// Step is what the step is called, which has its request.
	Step    string `json:"step,omitempty"`
	Place   string `json:"place"`
	BuiltIn string `json:"builtIn"`
	Ours    string `json:"ours"`
}

func loadWanted(testdata fs.FS) (*wanted, error) {
	content, err := fs.ReadFile(testdata, differencesFile)
	if err != nil {
		return nil, fmt.Errorf("reading the wanted differences: %w", err)
	}
	w := &wanted{met: map[string]bool{}}
	if err := yaml.UnmarshalStrict(content, w); err != nil {
		return nil, fmt.Errorf("reading %s: %w", differencesFile, err)
	}
	for _, d := range w.Differences {
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("reading %s: %q: %w", differencesFile, d.ID, err)
		}
	}
	return w, nil
}

func (d *wantedDifference) check() error {
	if d.ID == "" || d.Reason == "" {
		return errors.New("needs an id and a reason")
	}
	for _, store := range d.Stores {
		if store != storeEtcd && store != storeEmbedded {
			return fmt.Errorf("there is no store %q", store)
		}
	}
	for _, a := range d.Allow {
		for _, expression := range []string{a.Case, a.Step, a.Place, a.BuiltIn, a.Ours} {
			if _, err := regexp.Compile(whole(expression)); err != nil {
				return err
			}
		}
	}
	return nil
}

func whole(expression string) string { return "(?s)^(?:" + expression + ")$" }

// The stores of events-apiserver, as PARITY_STORE has them.
const (
	storeEtcd     = "etcd"
	storeEmbedded = "embedded"
)

// of returns what a server with that store does differently.
func (w *wanted) of(store string) *wanted {
	own := &wanted{met: map[string]bool{}}
	for _, d := range w.Differences {
		if len(d.Stores) == 0 || slices.Contains(d.Stores, store) {
			own.Differences = append(own.Differences, d)
		}
	}
	return own
}

// has reports whether there is a difference with that id.
func (w *wanted) has(id string) bool {
	return slices.ContainsFunc(w.Differences, func(d wantedDifference) bool { return d.ID == id })
}

// meet notes that a difference was there.
func (w *wanted) meet(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met[id] = true
}

// stale are the differences that were never met.
func (w *wanted) stale() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, d := range w.Differences {
		if !w.met[d.ID] {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// allows reports whether a difference is a wanted one.
func (w *wanted) allows(found *difference) bool {
	for _, d := range w.Differences {
		if slices.ContainsFunc(d.Allow, func(a allowance) bool { return a.covers(found) }) {
			w.meet(d.ID)
			return true
		}
	}
	return false
}

func (a *allowance) covers(found *difference) bool {
	matches := func(expression, text string) bool {
		return regexp.MustCompile(whole(expression)).MatchString(text)
	}
	return (a.Case == "" || matches(a.Case, found.caseName)) && (a.Step == "" || matches(a.Step, found.title)) &&
		matches(a.Place, found.place) && matches(a.BuiltIn, found.builtIn) && matches(a.Ours, found.ours)
}

// apply changes a built-in answer to what ours must be. All that is not said in
// the differences stays as it is.
func (w *wanted) apply(outcome any) {
	tree, _ := outcome.(map[string]any)
	status, _ := tree["body"].(map[string]any)
	if status["kind"] != "Status" {
		return
	}
	for _, d := range w.Differences {
		for old, replaced := range d.ReplaceText {
			if message, ok := status["message"].(string); ok && strings.Contains(message, old) {
				status["message"] = strings.ReplaceAll(message, old, replaced)
				w.meet(d.ID)
			}
		}
		if status["reason"] != "Invalid" {
			continue
		}
		for old, renamed := range d.RenameFields {
			if renameField(status, old, renamed) {
				w.meet(d.ID)
			}
		}
		if d.showStructs(status) {
			w.meet(d.ID)
		}
	}
}

// showStructs writes the objects in an error as a client would.
func (d *wantedDifference) showStructs(status map[string]any) (found bool) {
	inGo := regexp.MustCompile(`\{"(Kind|Component)":.*?\}`)
	inJSON := func(text string) string {
		return inGo.ReplaceAllStringFunc(text, func(value string) string {
			found = true
			return structInJSON(value)
		})
	}
	details, _ := status["details"].(map[string]any)
	causes, _ := details["causes"].([]any)
	for _, cause := range causes {
		fields, _ := cause.(map[string]any)
		field, _ := fields["field"].(string)
		message, _ := fields["message"].(string)
		if slices.Contains(d.Structs, field) {
			fields["message"] = inJSON(message)
		}
	}
	if message, ok := status["message"].(string); ok && found {
		status["message"] = inJSON(message)
	}
	return found
}

func structInJSON(value string) string {
	// The names of fields are read without regard to case.
	if strings.HasPrefix(value, `{"Component"`) {
		return typedInJSON(value, &corev1.EventSource{})
	}
	return typedInJSON(value, &corev1.ObjectReference{})
}

func typedInJSON[T any](value string, typed *T) string {
	if json.Unmarshal([]byte(value), typed) != nil {
		return value
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	// What is masked has angle brackets.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(typed); err != nil {
		return value
	}
	return strings.TrimSpace(encoded.String())
}

func renameField(status map[string]any, old, renamed string) (found bool) {
	details, _ := status["details"].(map[string]any)
	causes, _ := details["causes"].([]any)
	for _, cause := range causes {
		fields, _ := cause.(map[string]any)
		field, _ := fields["field"].(string)
		if field != old && !strings.HasPrefix(field, old+".") {
			continue
		}
		fields["field"] = renamed + strings.TrimPrefix(field, old)
		found = true
	}
	if message, ok := status["message"].(string); ok && found {
		// The name of the field begins each error.
		start := regexp.MustCompile(`(is invalid: \[?|, )` + regexp.QuoteMeta(old) + `([.:])`)
		status["message"] = start.ReplaceAllString(message, "${1}"+renamed+"${2}")
	}
	return found
}
