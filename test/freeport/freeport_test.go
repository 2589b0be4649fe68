// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package freeport

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestListen_HoldsItsPort(t *testing.T) {
	t.Parallel()
	held, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := ListenAt(Of(held)); err == nil {
		t.Errorf("port %d was given twice", Of(held))
	}
}

func TestChoose_DifferentPortsBelowTheLocalRange(t *testing.T) {
	t.Parallel()
	const n = 300
	ports, err := Choose(n)
	if err != nil {
		t.Fatal(err)
	}
	lowest := lowestLocalPort(t)
	seen := map[int]bool{}
	for _, port := range ports {
		if port >= lowest {
			t.Errorf("an outgoing connection may take port %d, they begin at %d", port, lowest)
		}
		seen[port] = true
	}
	if len(seen) != n {
		t.Errorf("%d different ports, want %d", len(seen), n)
	}
}

func lowestLocalPort(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Skipf("this system does not say what its local ports are: %v", err)
	}
	lowest, _, _ := strings.Cut(string(text), "\t")
	port, err := strconv.Atoi(lowest)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
