// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// upstreamSpecs are upstream's specs about events, as a Ginkgo focus, and how
// many they are: two of events.k8s.io/v1 and two of core/v1. All are conformance
// tests, and want both to show one set of events.
const (
	upstreamSpecs = `\[sig-instrumentation\] Events( API)? should`
	upstreamCount = 4
)

// testUpstream runs Kubernetes' own end-to-end tests of events.
func testUpstream(t *testing.T, s *suite) {
	program := filepath.Join(s.Config().ToolsDir, "e2e.test")
	cmd := exec.CommandContext(t.Context(), program,
		"--kubeconfig="+s.AdminKubeconfig(), "--provider=skeleton",
		"--ginkgo.focus="+upstreamSpecs, "--ginkgo.no-color",
		// There are no nodes, and none are waited for.
		"--allowed-not-ready-nodes=-1", "--node-schedulable-timeout=5s", "--num-nodes=0",
		"--report-dir="+t.TempDir())
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(output))
	}
	// A focus that matches nothing passes, too.
	match := regexp.MustCompile(`Ran (\d+) of \d+ Specs`).FindSubmatch(output)
	if match == nil {
		t.Fatalf("no count of specs in:\n%s", tail(output))
	}
	if ran, err := strconv.Atoi(string(match[1])); err != nil || ran != upstreamCount {
		t.Errorf("ran %s specs, want %d", match[1], upstreamCount)
	}
}

// tail keeps a failure readable.
func tail(output []byte) []byte {
	const limit = 8000
	return output[max(0, len(output)-limit):]
}
