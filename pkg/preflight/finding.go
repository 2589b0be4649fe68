// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

// Level is how bad a finding is.
type Level string

// The levels, in the order of how bad they are.
const (
	// OK is a check that found nothing to do.
	OK Level = "ok"
	// Warning is something that the operator has to judge, or that could not be
	// checked.
	Warning Level = "warning"
	// Problem is something that makes the server fail or answer wrongly.
	Problem Level = "problem"
)

// Finding is what a check has found.
type Finding struct {
	// Check names the check: host-version, rights, admission, flow-control,
	// event-rate-limit or resource-versions.
	Check string `json:"check"`
	// Level is how bad it is.
	Level Level `json:"level"`
	// Object names the object that it is about, as Kind/name; it may be empty.
	Object string `json:"object,omitempty"`
	// Message says what was found and what it means, in one line.
	Message string `json:"message"`
	// Action says what to do, in one line; it is empty with OK.
	Action string `json:"action,omitempty"`
}

// report collects the findings of one check.
type report struct {
	check    string
	findings []Finding
}

func (r *report) ok(message string) {
	r.findings = append(r.findings, Finding{Check: r.check, Level: OK, Message: message})
}

func (r *report) add(level Level, object, message, action string) {
	r.findings = append(r.findings, Finding{Check: r.check, Level: level, Object: object, Message: message, Action: action})
}

// unchecked notes that something was not looked at, and why.
func (r *report) unchecked(what string, err error) {
	r.add(Warning, "", "not checked: "+what+": "+err.Error(), "run it as an administrator of the cluster, or look at this yourself")
}
