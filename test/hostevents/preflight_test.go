// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/events-apiserver/events-apiserver/pkg/preflight"
)

// testPreflight runs the command on a cluster in which EventRateLimit is on.
func testPreflight(t *testing.T, s *suite) {
	findings := s.preflight(t, 0)
	for check, level := range map[string]preflight.Level{
		"host-version": preflight.OK, "rights": preflight.OK, "admission": preflight.OK, "flow-control": preflight.OK,
		"event-rate-limit": preflight.Warning, "resource-versions": preflight.OK,
	} {
		if got := worst(findings, check); got != level {
			t.Errorf("%s is %q, want %q", check, got, level)
		}
	}
	if findings := s.preflight(t, 1, "--probe-writes=40"); worst(findings, "event-rate-limit") != preflight.Problem {
		t.Errorf("a probe finds no limit: %+v", findings)
	}
	if findings := s.preflight(t, 1, "--service-account=default/nobody"); worst(findings, "rights") != preflight.Problem || worst(findings, "flow-control") != preflight.Warning {
		t.Errorf("an account without rights and flow schema: %+v", findings)
	}
	looking := &scene{suite: s, namespace: s.MakeNamespace(t, "looking")}
	looking.validates(t, oursRule(), admissionregistrationv1.Validation{Expression: fmt.Sprintf("request.userInfo.username != %q", other)}, nil)
	if findings := s.preflight(t, 1); worst(findings, "admission") != preflight.Problem {
		t.Errorf("a policy that looks at the user: %+v", findings)
	}
	excluded := &scene{suite: s, namespace: s.MakeNamespace(t, "excluded")}
	excluded.validates(t, oursRule(), admissionregistrationv1.Validation{Expression: fmt.Sprintf("request.userInfo.username != %q", other)}, excludesOurAccount)
	if findings := s.preflight(t, 1); slices.ContainsFunc(findings, func(f preflight.Finding) bool { return strings.HasSuffix(f.Object, "/excluded") }) {
		t.Errorf("a policy that leaves the mirrored write alone: %+v", findings)
	}
}

// preflight runs the command, which must end with the status.
func (s *suite) preflight(t *testing.T, status int, args ...string) []preflight.Finding {
	t.Helper()
	args = append([]string{"preflight", "--kubeconfig=" + s.AdminKubeconfig(), "--output=json"}, args...)
	out, err := exec.CommandContext(t.Context(), s.Config().EventsAPIServer, args...).Output()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
		t.Logf("%s", exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	var findings []preflight.Finding
	if err := json.Unmarshal(out, &findings); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got != status {
		t.Errorf("%q ends with status %d, want %d: %s", args, got, status, out)
	}
	return findings
}

// worst is the worst level of a check's findings, or nothing without any.
func worst(findings []preflight.Finding, check string) preflight.Level {
	order := []preflight.Level{"", preflight.OK, preflight.Warning, preflight.Problem}
	at := 0
	for _, finding := range findings {
		if finding.Check == check {
			at = max(at, slices.Index(order, finding.Level))
		}
	}
	return order[at]
}
