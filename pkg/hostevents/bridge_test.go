// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"strings"
	"testing"
)

func TestParseMode_NamesAllModes(t *testing.T) {
	t.Parallel()
	for _, mode := range Modes() {
		if got, err := ParseMode(string(mode)); err != nil || got != mode {
			t.Errorf("%s: got %s, %v", mode, got, err)
		}
	}
	_, err := ParseMode("sometimes")
	if err == nil || !strings.Contains(err.Error(), "sync, async, ingest, off") {
		t.Errorf("got %v", err)
	}
}
