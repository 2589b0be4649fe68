// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
)

// attempt is the state on which an update or a deletion is tried. It begins
// with a suggestion where there is one, and with the truth after the suggestion
// led to a refusal: a refusal may be told only if it is about what is stored.
type attempt struct {
	reader *stateReader
	*state
	// certain tells that the state was read from the engine.
	certain bool
}

func beginAttempt(ctx context.Context, reader *stateReader, suggestion runtime.Object) (*attempt, error) {
	a := &attempt{reader: reader}
	if suggestion == nil {
		err := a.refresh(ctx)
		return a, err
	}
	suggested, err := reader.suggested(suggestion)
	if err != nil {
		return nil, err
	}
	a.state = suggested
	return a, nil
}

// refresh reads the state from the engine.
func (a *attempt) refresh(ctx context.Context) error {
	current, err := a.reader.current(ctx)
	if err != nil {
		return err
	}
	a.set(current)
	return nil
}

// set replaces the state by one that the engine returned.
func (a *attempt) set(current *state) {
	a.state, a.certain = current, true
}

// refused returns nil if the refusal was about a suggestion that is out of
// date, so that it is worth another try, and otherwise what to tell the caller.
func (a *attempt) refused(ctx context.Context, refusal error) error {
	if a.certain {
		return refusal
	}
	before := a.revision
	if err := a.refresh(ctx); err != nil {
		return err
	}
	if a.revision == before {
		return refusal
	}
	return nil
}
