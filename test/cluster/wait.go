// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// finalError ends a poll: asking again cannot help.
type finalError struct{ error }

func (f finalError) Unwrap() error { return f.error }

func final(err error) error { return finalError{err} }

// poll calls try until it returns nil, fails for good, or ctx ends. The error
// then is the last one of try: it says what was still missing.
func poll(ctx context.Context, every time.Duration, try func(context.Context) error) error {
	begin := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if stop := (finalError{}); errors.As(err, &stop) {
			return stop.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("given up after %s (%w): %w", seconds(begin), ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// together runs all at once and returns when all have ended.
func together(ctx context.Context, all ...func(context.Context) error) error {
	results := make(chan error, len(all))
	for _, run := range all {
		go func() { results <- run(ctx) }()
	}
	errs := make([]error, 0, len(all))
	for range all {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}
