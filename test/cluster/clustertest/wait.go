// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Limit bounds every wait for something that must happen. It is for a machine
// with much else to do.
const Limit = 3 * time.Minute

const pollStep = 25 * time.Millisecond

// Eventually waits for a condition, whose last error names what is missing.
func Eventually(t testing.TB, what string, condition func(context.Context) error) {
	t.Helper()
	if err := Await(t.Context(), what, condition); err != nil {
		t.Fatal(err)
	}
}

// Await does so where a test cannot be ended: in another goroutine.
func Await(ctx context.Context, what string, condition func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollStep, Limit, true, func(ctx context.Context) (bool, error) {
		err := condition(ctx)
		if err == nil || ctx.Err() == nil || last == nil {
			last = err // an error of the ended wait itself explains nothing
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waited %s in vain for %s: %w", Limit, what, last)
	}
	return nil
}
