// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// identity names one process for good. The number alone does not: Linux gives
// it to another process later, which must never be signalled in its place.
type identity struct {
	PID int `json:"pid"`
	// Started is the boot and the clock tick in it at which the process started.
	Started string `json:"started"`
}

var errNoProcess = errors.New("no such process")

// identify looks at a process that runs now.
func identify(pid int) (identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, fmt.Errorf("reading the boot id: %w", err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return identity{}, fmt.Errorf("%w: %d", errNoProcess, pid)
	}
	tick, running := startTick(string(stat))
	if !running {
		return identity{}, fmt.Errorf("%w: %d", errNoProcess, pid)
	}
	return identity{PID: pid, Started: strings.TrimSpace(string(boot)) + "/" + tick}, nil
}

func (i identity) alive() bool {
	now, err := identify(i.PID)
	return err == nil && now == i
}

// startTick reads the start time out of a line of /proc/PID/stat, and whether
// the process still runs: one that is dead and only waits to be reaped does not.
func startTick(stat string) (tick string, running bool) {
	// The program's name, in parentheses, may hold spaces and parentheses itself.
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return "", false
	}
	const state, startTime = 0, 19 // positions after the name; see proc_pid_stat(5)
	fields := strings.Fields(stat[end+1:])
	if len(fields) <= startTime {
		return "", false
	}
	return fields[startTime], fields[state] != "Z" && fields[state] != "X"
}
