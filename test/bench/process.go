// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTicks is how many ticks /proc counts a second; Linux shows 100 to all
// programs whatever its own clock.
const clockTicks = 100

// ownCPU is the processor time that this process has used.
func ownCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the processor time used: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// cpuOf is the processor time that a process has used.
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the processor time of a process: %w", err)
	}
	// The name, in parentheses, may contain anything; utime and stime are the
	// twelfth and thirteenth field behind it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading the processor time of a process: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks, nil
}

const (
	// idleSeconds in a row, with less than idlePart of a processor used, make a
	// process that is at rest.
	idleSeconds = 20
	idlePart    = 0.05
	// restWithin is for how long the wait for it lasts at most.
	restWithin = 15 * time.Minute
)

// untilAtRest waits until this process is idle, as after the last compaction, and returns how
// long that took.
func untilAtRest(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	begun, ticker := time.Now(), time.NewTicker(time.Second)
	defer ticker.Stop()
	before, err := ownCPU()
	for idle := 0; err == nil && idle < idleSeconds; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting until the store is at rest: %w", ctx.Err())
		}
		var now time.Duration
		now, err = ownCPU()
		if now-before < time.Duration(idlePart*float64(time.Second)) {
			idle++
		} else {
			idle = 0
		}
		before = now
	}
	return time.Since(begun), err
}

// cpu is what this process and the store's have used together.
func (f storeFlags) cpu() (time.Duration, error) {
	own, err := ownCPU()
	if err != nil || f.EtcdPID == 0 {
		return own, err
	}
	etcd, err := cpuOf(f.EtcdPID)
	return own + etcd, err
}

// memory is what a process has resident, now and at most so far, in bytes.
type memory struct {
	Now, Peak int64
}

func memoryOf(pid int) (memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("reading the memory of a process: %w", err)
	}
	var m memory
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		target := map[string]*int64{"VmRSS": &m.Now, "VmHWM": &m.Peak}[name]
		if target == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("reading the memory of a process: %w", err)
		}
		*target = kib << 10
	}
	return m, nil
}
