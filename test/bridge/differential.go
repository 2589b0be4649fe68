// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// trial is one script on all clusters.
type trial struct {
	oracle *side
	ours   []*side
}

func (all *Clusters) testScripts(t *testing.T) {
	for i, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			all.run(t, s, fmt.Sprintf("script-%d", i))
		})
	}
}

// testRandom runs a few made-up scripts at each run, other ones each time.
func (all *Clusters) testRandom(t *testing.T) {
	const count = 8
	for i := range uint64(count) {
		s := randomScript(all.seed, i)
		t.Run(strconv.FormatUint(i, 10), func(t *testing.T) {
			t.Parallel()
			all.run(t, s, fmt.Sprintf("random-%d", i))
		})
	}
}

func (all *Clusters) run(t *testing.T, s script, namespace string) {
	t.Helper()
	tr := &trial{}
	for _, h := range append([]*Host{all.plain}, all.Ours...) {
		made, err := newSide(t.Context(), h.Name, h.client, namespace)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(made.close)
		if tr.oracle == nil {
			tr.oracle = made
			continue
		}
		tr.ours = append(tr.ours, made)
	}
	for i, st := range s.steps(namespace) {
		if err := tr.step(t.Context(), i+1, st); err != nil {
			t.Fatalf("%s, step %d, %s:\n%v", s.name, i+1, st, err)
		}
	}
	if err := tr.sequences(t.Context()); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	for _, each := range append(tr.ours, tr.oracle) {
		if err := each.free(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// step lets all clusters take a step at once, and compares what they answer and
// what they show then.
func (tr *trial) step(ctx context.Context, number int, st step) error {
	all := append([]*side{tr.oracle}, tr.ours...)
	answers := make([]tree, len(all))
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, each := range all {
		running.Go(func() { answers[i], errs[i] = each.take(ctx, number, st) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if st.code != 0 && answers[0]["code"] != st.code {
		return fmt.Errorf("the script is wrong: the plain cluster answers\n%s\nnot %d", show(answers[0]), st.code)
	}
	if st.do == doTerminate {
		if err := tr.awaitTermination(ctx); err != nil {
			return err
		}
	}
	for i, each := range tr.ours {
		if found := difference("the answer of the plain cluster", show(answers[0]), "that of "+each.name, show(answers[i+1])); found != "" {
			errs[i+1] = errors.New(found)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	changed := st.do == doTerminate || fmt.Sprint(answers[0]["code"])[0] == '2' && st.query.Get("dryRun") == ""
	for i, each := range tr.ours {
		errs[i+1] = tr.views(ctx, each, st, changed)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("after the answer %s:\n%w", show(answers[0]), err)
	}
	return nil
}

// views compares what the plain cluster and another show after a step. After one
// that has changed nothing the lists are enough.
func (tr *trial) views(ctx context.Context, other *side, st step, changed bool) error {
	want, err := tr.oracle.lists(ctx)
	if err != nil {
		return err
	}
	if found := disagreement(want); found != "" {
		return fmt.Errorf("the plain cluster disagrees with itself: %s", found)
	}
	look := func(ctx context.Context) error {
		got, err := other.lists(ctx)
		if err != nil {
			return err
		}
		if found := compareLists(tr.oracle, other, want, got); found != "" {
			return errors.New(found)
		}
		if found := disagreement(got); found != "" {
			return fmt.Errorf("the views of %s disagree: %s", other.name, found)
		}
		return nil
	}
	// What was written through events.k8s.io/v1 is seen through both at once; what
	// was written through core/v1 has to come by a watch.
	if st.api == eventsAPI() {
		err = look(ctx)
	} else {
		err = clustertest.Await(ctx, "equal views", look)
	}
	if err != nil || !changed {
		return err
	}
	names := []string{"a", "b", "c", "gone"}
	wantDetails, err := tr.oracle.details(ctx, names)
	if err != nil {
		return err
	}
	gotDetails, err := other.details(ctx, names)
	if err != nil {
		return err
	}
	if found := difference("the plain cluster", show(wantDetails), other.name, show(gotDetails)); found != "" {
		return errors.New(found)
	}
	return nil
}

// awaitTermination waits until the namespace refuses new events and has none.
func (tr *trial) awaitTermination(ctx context.Context) error {
	for _, each := range append([]*side{tr.oracle}, tr.ours...) {
		err := clustertest.Await(ctx, "the end of the namespace's events at "+each.name, func(ctx context.Context) error {
			l, err := each.lists(ctx)
			if err != nil {
				return err
			}
			if n := len(l.core) + len(l.events); n > 0 {
				return fmt.Errorf("there are %d", n)
			}
			// Admission must know, too; each server has its own idea of namespaces.
			for _, a := range []api{coreAPI(), eventsAPI()} {
				got, err := each.client.ask(ctx, http.MethodPost, a.path(each.namespace, "")+"?dryRun=All", nil, "", body(a, modern("probe", each.namespace)))
				if err != nil {
					return err
				}
				if got.code != http.StatusForbidden {
					return fmt.Errorf("a new event is answered with %d through %s", got.code, a.name)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// body is an event as an API takes it.
func body(a api, event tree) any {
	return a.form(merge(event, tree{"apiVersion": a.groupVersion, "kind": "Event"}))
}

// sequences compares what the watches have shown. A last event, after which
// nothing comes, tells that they have shown all.
func (tr *trial) sequences(ctx context.Context) error {
	const last = "last"
	all := append([]*side{tr.oracle}, tr.ours...)
	terminating := false
	for _, each := range all {
		got, err := each.client.ask(ctx, http.MethodPost, eventsAPI().path(each.namespace, ""), nil, "", body(eventsAPI(), modern(last, each.namespace)))
		if err != nil {
			return err
		}
		terminating = got.code == http.StatusForbidden
	}
	for _, each := range all {
		for a, w := range each.watches {
			if terminating {
				continue
			}
			if err := clustertest.Await(ctx, "the last event", func(context.Context) error { return w.shows("ADDED", last) }); err != nil {
				return fmt.Errorf("%s: %w", each.name, err)
			}
			if _, err := w.seen(); err != nil {
				return fmt.Errorf("%s, %s: %w", each.name, a.name, err)
			}
		}
	}
	var errs []error
	for _, a := range []api{coreAPI(), eventsAPI()} {
		want, _ := tr.oracle.watches[a].seen()
		for _, each := range tr.ours {
			got, _ := each.watches[a].seen()
			found := difference("the watch of the plain cluster through "+a.name, show(tr.oracle.normal.sequences(want)), "that of "+each.name, show(each.normal.sequences(got)))
			if found != "" {
				errs = append(errs, errors.New(found))
			}
		}
	}
	return errors.Join(errs...)
}
