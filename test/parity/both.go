// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"context"
	"errors"
	"fmt"
)

// compared is the result of one case.
type compared struct {
	requests    int
	differences []difference
	// answers are the responses of the built-in, a line for each step.
	answers []string
}

type result struct {
	outcomes []outcome
	err      error
}

// run sends a case to both servers, in a namespace of that name, and compares. An
// error means that the case could not be run, not that the servers differ.
func (p *pair) run(ctx context.Context, c *testCase, namespace string) (*compared, error) {
	oursNamespace := namespace
	if p.ours == p.builtIn {
		oursNamespace += "-again"
	}
	other := make(chan result, 1)
	go func() {
		outcomes, err := newRunner(p.ours, oursNamespace).run(ctx, c.Steps)
		other <- result{outcomes, err}
	}()
	builtIn, err := newRunner(p.builtIn, namespace).run(ctx, p.wanted.stepsForBuiltIn(c.Steps))
	ours := <-other
	if err := errors.Join(err, ours.err); err != nil {
		return nil, err
	}
	all := &compared{}
	for i := range c.Steps {
		if builtIn[i].requested {
			all.requests++
		}
		all.answers = append(all.answers, fmt.Sprintf("%d. %s\n\t%s", i+1, c.Steps[i].title(), readable(show(anyTree(builtIn[i])))))
		all.differences = append(all.differences, p.compare(c, i, builtIn[i], ours.outcomes[i])...)
	}
	return all, nil
}

// contradictsItself reports whether the built-in answers the case in two ways, at a
// place, if it is asked often: some messages depend on the order of a Go map.
func (p *pair) contradictsItself(ctx context.Context, c *testCase, place, namespace string) (bool, error) {
	const often = 50
	twice := &pair{builtIn: p.builtIn, ours: p.builtIn, wanted: &wanted{met: map[string]bool{}}}
	for i := range often {
		result, err := twice.run(ctx, c, fmt.Sprintf("%s-%d", namespace, i))
		if err != nil {
			return false, err
		}
		for j := range result.differences {
			if result.differences[j].place == place {
				return true, nil
			}
		}
	}
	return false, nil
}

// stepsForBuiltIn asks the built-in in its own way for what it cannot be asked
// as we can.
func (w *wanted) stepsForBuiltIn(steps []step) []step {
	changed := append([]step(nil), steps...)
	for i := range changed {
		if changed[i].Better == nil {
			continue
		}
		ask := *changed[i].Better
		ask.insteadOf = changed[i].Do
		changed[i].Do, changed[i].Better = ask.BuiltIn, &ask
		w.meet(ask.Difference)
	}
	return changed
}

func (p *pair) compare(c *testCase, i int, builtIn, ours outcome) []difference {
	right := anyTree(builtIn)
	p.wanted.apply(right)
	var unwanted []difference
	for _, d := range compareOutcomes(right, anyTree(ours)) {
		d.caseName, d.step, d.title = c.Name, i+1, c.Steps[i].title()
		if !p.wanted.allows(&d) {
			unwanted = append(unwanted, d)
		}
	}
	return unwanted
}

// compareOutcomes does not compare the inside of bodies that mean different
// things.
func compareOutcomes(builtIn, ours any) []difference {
	b, _ := builtIn.(map[string]any)
	o, _ := ours.(map[string]any)
	if b["status"] == o["status"] {
		return compareTrees("", builtIn, ours)
	}
	return []difference{{place: "all", builtIn: summary(b), ours: summary(o)}}
}

func summary(tree map[string]any) string {
	return fmt.Sprintf("%s %s", tree["status"], show(tree["body"]))
}

// anyTree keeps a step that is not compared from looking like an empty object.
func anyTree(o outcome) any {
	if o.tree == nil {
		return nil
	}
	return o.tree
}
