// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"fmt"
	"strings"
)

// Mode says how events and the host's core/v1 events are kept the same.
type Mode string

// The modes.
const (
	// ModeSync takes in the host's events, and makes each write in the host
	// before it is answered.
	ModeSync Mode = "sync"
	// ModeAsync takes in the host's events, and makes writes in the host soon
	// after they were answered.
	ModeAsync Mode = "async"
	// ModeIngest takes in the host's events and writes nothing there.
	ModeIngest Mode = "ingest"
	// ModeOff does neither.
	ModeOff Mode = "off"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{ModeSync, ModeAsync, ModeIngest, ModeOff} }

// ParseMode returns the mode of that name, or an error that names them all.
func ParseMode(name string) (Mode, error) {
	names := make([]string, 0, len(Modes()))
	for _, mode := range Modes() {
		if string(mode) == name {
			return mode, nil
		}
		names = append(names, string(mode))
	}
	return "", fmt.Errorf("unknown mode %q; known: %s", name, strings.Join(names, ", "))
}

// mirrors tells whether writes are made in the host.
func (m Mode) mirrors() bool { return m == ModeSync || m == ModeAsync }
