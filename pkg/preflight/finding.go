// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

// Level is the severity of a finding.
type Level string

// The levels, least severe first.
const (
	// OK is for a check that found nothing to do.
	OK Level = "ok"
	// Warning is for something that the operator has to judge, or that could not be checked.
	Warning Level = "warning"
	// Problem is for something that makes the server fail or respond wrongly.
	Problem Level = "problem"
)

// Finding is one result of a check.
type Finding struct {
	// Check names the check: host-version, rights, admission, flow-control,
	// event-rate-limit or resource-versions.
	Check string `json:"check"`
	// Level is its severity.
	Level Level `json:"level"`
	// Object is the object that it is about, as Kind/name; empty if it is about none.
	Object string `json:"object,omitempty"`
	// Message is what was found and what it means, in one line.
	Message string `json:"message"`
	// Action is what to do, in one line; empty with OK.
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

// unchecked adds a warning that something was not checked, and why.
func (r *report) unchecked(what string, err error) {
	r.add(Warning, "", "not checked: "+what+": "+err.Error(), "run it as an administrator of the cluster, or check this yourself")
}
