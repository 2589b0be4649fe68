// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
)

const (
	// keysOfWriter is the number of keys of a writer.
	keysOfWriter = 40
	// nearEnd is how long before its expiry a key is not written any more: it may expire
	// before the write is made.
	nearEnd = time.Second
)

// holding is what a key holds, as far as its writer knows.
type holding struct {
	event *eventsv1.Event
	version
	dueFrom, dueUntil time.Time
}

// over reports whether it may have expired.
func (h *holding) over() bool { return !time.Now().Before(h.dueFrom) }

// writer sends requests for keys of its own, one after the other, and knows what each key
// holds.
type writer struct {
	name      string
	namespace string
	clients   clients
	record    *record
	journal   *journal
	random    *rand.Rand
	keys      []key
	held      map[key]*holding
	// unsure are keys that may have expired during a request. They are not written until the
	// next confirmation.
	unsure map[key]bool
	sent   int
	// acknowledged counts the answers of each kind of write.
	acknowledged map[string]int
}

func newWriter(number int, namespace string, c clients, r *record, j *journal, random *rand.Rand) *writer {
	w := &writer{
		name: fmt.Sprintf("w%02d", number), namespace: namespace,
		clients: c, record: r, journal: j, random: random,
		held: map[key]*holding{}, unsure: map[key]bool{}, acknowledged: map[string]int{},
	}
	for i := range keysOfWriter {
		w.keys = append(w.keys, key{namespace, fmt.Sprintf("%s-%03d", w.name, i)})
	}
	return w
}

// work sends requests until the context ends or one gets no answer: what its key holds is then
// not known before the next confirmation. Events are written with the time to live ttl.
func (w *writer) work(ctx context.Context, ttl time.Duration) {
	for ctx.Err() == nil {
		k := w.keys[w.random.IntN(len(w.keys))]
		r, err := w.choose(k)
		if err != nil {
			w.problem("making up a request for %s: %v", k, err)
			return
		}
		if r == nil {
			pause(ctx, time.Millisecond)
			continue
		}
		if !w.carryOut(ctx, r, ttl) {
			return
		}
	}
}

func (w *writer) problem(format string, args ...any) {
	w.record.found(w.name + ": " + fmt.Sprintf(format, args...))
}

// request is a request of a writer, and its expected outcome.
type request struct {
	verb string
	// write is nil for a request that cannot change anything.
	write *write
	// send returns what the server answered; nil if that is not an event.
	send func(context.Context, eventsclient.EventInterface) (*eventsv1.Event, error)
	// code is the refusal that must be the answer; 0 if it must succeed.
	code int32
	// holds is what the key holds; nil for nothing.
	holds *holding
	// check looks at a successful answer of a request that only reads.
	check func(*eventsv1.Event) error
}

// carryOut sends the request and reports whether the writer can go on.
func (w *writer) carryOut(ctx context.Context, r *request, ttl time.Duration) bool {
	client := w.clients.json
	if w.random.IntN(2) == 0 {
		client = w.clients.protobuf
	}
	if r.write != nil {
		r.write.ttl = ttl
		w.record.begin(r.write)
		w.journal.write(r.write.journal())
	}
	event, err := r.send(ctx, client.Events(w.namespace))
	o, code := outcomeOf(err)
	if r.write == nil {
		return w.read(r, event, o, code, err)
	}
	var answer *version
	if event != nil && o == acknowledged {
		v, err := versionOf(event)
		if err != nil {
			w.problem("the answer to %s: %v", r.write.id, err)
			return false
		}
		answer = &v
	}
	w.record.end(r.write, o, answer)
	w.journal.write(r.write.answer(err))
	switch {
	case o == inDoubt:
		if code != 0 {
			w.problem("%s (%s): %v", r.write.id, r.verb, err)
		}
		return false
	case code != r.code:
		return w.unexpected(r, code, err)
	case o == acknowledged:
		w.acknowledged[r.verb]++
		w.keep(r, event, answer)
	}
	return true
}

// read checks the answer to a request that changes nothing.
func (w *writer) read(r *request, event *eventsv1.Event, o outcome, code int32, err error) bool {
	switch {
	case o == inDoubt:
		if code != 0 {
			w.problem("%s of %s: %v", r.verb, w.namespace, err)
		}
		return false
	case code != r.code:
		return w.unexpected(r, code, err)
	case o == acknowledged && r.check != nil:
		if err := r.check(event); err != nil {
			w.problem("%s: %v", r.verb, err)
		}
		w.acknowledged[r.verb]++
	}
	return true
}

// unexpected accepts that a key was empty because it expired, and errors of a server that is
// stopping.
func (w *writer) unexpected(r *request, code int32, err error) bool {
	if code == http.StatusTooManyRequests {
		return false
	}
	if h := r.holds; h != nil && h.over() {
		delete(w.held, h.key)
		w.unsure[h.key] = true
		return true
	}
	id := ""
	if r.write != nil {
		id = r.write.id
	}
	w.problem("%s %s was answered with %d, want %d: %v", r.verb, id, code, r.code, err)
	return false
}

// keep sets what the keys of an acknowledged write hold now.
func (w *writer) keep(r *request, event *eventsv1.Event, answer *version) {
	if event != nil {
		w.held[answer.key] = &holding{event, *answer, r.write.sent.Add(r.write.ttl), r.write.done.Add(r.write.ttl)}
		return
	}
	for _, t := range r.write.targets {
		delete(w.held, t.key)
	}
}

// learn sets what the writer's keys hold after a confirmation.
func (w *writer) learn(held map[key]*holding) {
	clear(w.held)
	clear(w.unsure)
	for _, k := range w.keys {
		if h := held[k]; h != nil {
			w.held[k] = h
		}
	}
}

// outcomeOf returns the outcome of a request with the error. The code is that of the response,
// 0 for success or no response.
func outcomeOf(err error) (outcome, int32) {
	if err == nil {
		return acknowledged, 0
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return inDoubt, 0
	}
	code := status.Status().Code
	switch {
	case code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout:
		// A server that is stopping. The write may have been made.
		return inDoubt, 0
	case code >= http.StatusInternalServerError:
		return inDoubt, code
	}
	return refused, code
}

// journal returns the entry for the request.
func (w *write) journal() entry {
	e := entry{What: "send", Write: w.id, Verb: w.verb}
	for _, t := range w.targets {
		e.Keys = append(e.Keys, t.key.String())
		e.Base, e.Content = t.base, t.body.String()
	}
	return e
}

// answer returns the entry for the response.
func (w *write) answer(err error) entry {
	e := entry{What: w.outcome.String(), Write: w.id, Revision: w.revision}
	if err != nil {
		e.Text = err.Error()
	}
	return e
}
