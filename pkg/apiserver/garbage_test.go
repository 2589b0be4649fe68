// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"os"
	"runtime/debug"
	"testing"
)

// It is about the whole process, so no other test runs beside it.
func TestLimitGarbage(t *testing.T) {
	const before = 123
	for name, c := range map[string]struct {
		set  bool
		want int
	}{
		"without GOGC":           {false, embeddedGarbagePercent},
		"GOGC has the last word": {true, before},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "123") // puts back what was there
			if !c.set {
				if err := os.Unsetenv("GOGC"); err != nil {
					t.Fatal(err)
				}
			}
			was := debug.SetGCPercent(before)
			LimitGarbage()
			if got := debug.SetGCPercent(was); got != c.want {
				t.Errorf("garbage may be %d percent, want %d", got, c.want)
			}
		})
	}
}
