// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"slices"
	"time"
)

// times are durations of the same thing.
type times []time.Duration

func (t times) last() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)-1]
}

func (t times) median() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(t))[len(t)/2]
}

func (t times) max() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return slices.Max(t)
}
