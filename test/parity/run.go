// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// runner sends the steps of one case to one server.
type runner struct {
	target  *target
	vars    variables
	memory  *memory
	streams map[string]*stream
}

// outcome is what is compared of one step: a JSON value, masked.
type outcome struct {
	// tree is nil for a step that is not compared.
	tree map[string]any
	// requested is set if the step was a request.
	requested bool
}

// stepBound is longer than the longest step, a watch that receives nothing.
const stepBound = waitTimeout + 25*time.Second

// newRunner makes a runner with the namespaces of the case.
func newRunner(t *target, namespace string) *runner {
	const group = "/apis/events.k8s.io/v1"
	return &runner{
		target: t,
		vars: variables{
			"ns": namespace, "group": group,
			"events": group + "/namespaces/" + namespace + "/events",
			"watch":  group + "/watch/namespaces/" + namespace + "/events",
		},
		memory:  newMemory(namespace),
		streams: map[string]*stream{},
	}
}

// run takes the steps of a case one after another.
func (r *runner) run(ctx context.Context, steps []step) ([]outcome, error) {
	defer r.closeStreams()
	if err := r.makeNamespace(ctx, r.vars["ns"]); err != nil {
		return nil, err
	}
	outcomes := make([]outcome, 0, len(steps))
	for i := range steps {
		one, err := r.step(ctx, &steps[i])
		if err != nil {
			return outcomes, fmt.Errorf("step %d, %s, at %s: %w", i+1, steps[i].title(), r.target.name, err)
		}
		outcomes = append(outcomes, one)
	}
	return outcomes, nil
}

func (r *runner) closeStreams() {
	for _, s := range r.streams {
		s.close()
	}
}

// title names a step for people.
func (s *step) title() string {
	switch {
	case s.Name != "" && s.Do != "":
		return s.Name + ": " + shorten(s.Do)
	case s.Name != "":
		return s.Name
	case s.Read != nil:
		return "read watch " + s.Read.Watch
	case s.Compact != "":
		return "compact"
	}
	return s.Do
}

func (r *runner) makeNamespace(ctx context.Context, name string) error {
	creation := step{
		Do:   "POST /api/v1/namespaces",
		Body: &body{JSON: map[string]any{"metadata": map[string]any{"name": name}}},
	}
	response, err := r.target.send(ctx, &creation, r.vars)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("making namespace %s at %s: %s", name, r.target.name, response.Status)
	}
	return nil
}

func (r *runner) step(ctx context.Context, s *step) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, stepBound)
	defer cancel()
	switch {
	case s.Compact != "":
		return outcome{}, r.compact(ctx, s.Compact)
	case s.Read != nil:
		return r.readOn(ctx, s)
	case s.Setup:
		return outcome{}, r.prepare(ctx, s)
	}
	if s.Better != nil {
		if err := r.seeRefused(ctx, s); err != nil {
			return outcome{}, err
		}
	}
	a, err := r.ask(ctx, s)
	if err != nil {
		return outcome{}, err
	}
	one, err := r.outcome(s, a)
	one.requested = true
	return one, err
}

// seeRefused makes sure that the built-in still refuses what we are better at.
// Only the steps for the built-in have what they are instead of.
func (r *runner) seeRefused(ctx context.Context, s *step) error {
	asked := *s
	asked.Do = s.Better.insteadOf
	if asked.Do == "" {
		return nil
	}
	a, err := r.ask(ctx, &asked)
	if err != nil {
		return err
	}
	if a.status != http.StatusBadRequest {
		return fmt.Errorf("the built-in answers %d: remove what is better here", a.status)
	}
	return nil
}

// What can be compacted.
const (
	compactStore      = "store"
	compactEverything = "everything"
)

func (r *runner) compact(ctx context.Context, what string) error {
	if err := r.target.compact(ctx); err != nil {
		return err
	}
	if what == compactEverything && r.target.restart != nil {
		return r.target.restart(ctx)
	}
	return nil
}

func (r *runner) readOn(ctx context.Context, s *step) (outcome, error) {
	open, ok := r.streams[s.Read.Watch]
	if !ok {
		// It was refused; that is compared where it was opened.
		return outcome{tree: map[string]any{"body": "there is no such watch"}}, nil
	}
	return r.outcome(s, open.read(ctx, s.Read.Count))
}

// ask sends a request and reads all of the answer that the step wants.
func (r *runner) ask(ctx context.Context, s *step) (*answer, error) {
	if s.Watch != nil {
		return r.watch(ctx, s)
	}
	response, err := r.target.send(ctx, s, r.vars)
	if isBrokenOff(err) {
		// A handler that panics ends so.
		return &answer{style: "no answer", body: "the server broke the request off"}, nil
	}
	if err != nil {
		return nil, err
	}
	return readAnswer(response)
}

func readAnswer(response *http.Response) (*answer, error) {
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return newAnswer(response, raw)
}

func (r *runner) watch(stepCtx context.Context, s *step) (*answer, error) {
	// A watch that is left open outlives its step.
	ctx, cancel := context.WithCancel(context.WithoutCancel(stepCtx))
	response, err := r.target.send(ctx, s, r.vars)
	if err != nil {
		cancel()
		return nil, err
	}
	if !isStream(response) {
		defer cancel()
		return readAnswer(response)
	}
	opened := newStream(response, cancel)
	if s.Watch.Open != "" {
		r.streams[s.Watch.Open] = opened
		head := opened.answer
		return &head, nil
	}
	defer opened.close()
	return opened.read(stepCtx, s.Watch.Count), nil
}

const awaitPoll = 50 * time.Millisecond

// prepare sends a request that is not compared, until it was answered as wanted.
func (r *runner) prepare(ctx context.Context, s *step) error {
	ticker := time.NewTicker(awaitPoll)
	defer ticker.Stop()
	for {
		a, err := r.ask(ctx, s)
		if err != nil {
			return err
		}
		if a.status == s.Await || s.Await == 0 && a.status < http.StatusBadRequest {
			return r.learn(s, a)
		}
		if s.Await == 0 {
			return fmt.Errorf("a preparation was answered with %d: %v", a.status, a.body)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for status %d: still %d", s.Await, a.status)
		case <-ticker.C:
		}
	}
}
