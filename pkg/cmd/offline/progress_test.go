// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import "testing"

func TestFigures(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := figure(n); got != want {
			t.Errorf("figure of %d is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 1 << 60: "1048576.0 TiB"} {
		if got := size(n); got != want {
			t.Errorf("size of %d is %s, want %s", n, got, want)
		}
	}
}
