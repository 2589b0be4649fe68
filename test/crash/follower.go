// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
)

// retryStep is the time between attempts to reach the server.
const retryStep = 10 * time.Millisecond

// rewindLimits are the numbers of revisions that a follower rewinds at most; the largest are
// beyond the compact revision.
func rewindLimits() [3]uint64 { return [3]uint64{100, 1000, 10000} }

// follower watches a selection and resumes each time that a watch ends.
type follower struct {
	name      string
	selection selection
	client    eventsclient.EventsV1Interface
	record    *record
	journal   *journal
	// random, if set, makes it resume from a revision before the one that it has reached.
	random *rand.Rand

	mu sync.Mutex
	// streams are the current watch, the last one, and earlier ones that were not compared
	// yet.
	streams []*stream
	// reached is the highest revision that was delivered.
	reached uint64
	// resumed counts the watches that resumed after another one.
	resumed int
}

func newFollower(name string, s selection, client eventsclient.EventsV1Interface, from uint64, r *record, j *journal) *follower {
	return &follower{name: name, selection: s, client: client, record: r, journal: j, reached: from, streams: []*stream{newStream(s, from)}}
}

// run watches until the context ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		s := f.present()
		err := f.follow(ctx, s)
		switch {
		case errors.Is(err, errTooOld):
			err = f.recover(ctx, s)
		case !errors.Is(err, errNotBegun):
			f.resume(s)
		}
		if err != nil && ctx.Err() == nil && !utilnet.IsConnectionRefused(err) {
			f.journal.write(entry{What: "watch ended", Verb: f.name, Revision: s.reached(), Text: err.Error()})
		}
		pause(ctx, retryStep)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (f *follower) present() *stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams[len(f.streams)-1]
}

var (
	// errTooOld is returned if the start revision of a watch is compacted.
	errTooOld = errors.New("the revision is too old")
	// errNotBegun is returned if a watch did not begin.
	errNotBegun = errors.New("the watch did not begin")
)

// follow watches from where the stream begins until the watch ends.
func (f *follower) follow(ctx context.Context, s *stream) error {
	options := f.selection.options()
	options.ResourceVersion = strconv.FormatUint(s.reached(), 10)
	options.AllowWatchBookmarks = true
	watcher, err := f.client.Events(f.selection.namespace).Watch(ctx, options)
	if tooOld(err) {
		return errTooOld
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotBegun, err)
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == watch.Error {
			return f.failure(event.Object)
		}
		if err := f.take(s, event); err != nil {
			f.record.found(fmt.Sprintf("watch %s: %v", f.name, err))
			return err
		}
	}
	return nil
}

// failure returns the error of the last event of a watch. The server sends one only for a
// revision that is too old; client-go makes one if the connection breaks.
func (f *follower) failure(obj runtime.Object) error {
	err := apierrors.FromObject(obj)
	_, code := outcomeOf(err)
	switch {
	case tooOld(err):
		return errTooOld
	case code != 0 && !apierrors.HasStatusCause(err, decodingFailed):
		f.record.found(fmt.Sprintf("watch %s: the server ended it with: %v", f.name, err))
	}
	return err
}

// decodingFailed is the reason of errors that client-go makes itself.
const decodingFailed metav1.CauseType = "ClientWatchDecoding"

// recover resumes from the highest revision that was reached, or, if that is too old, from the
// current one.
func (f *follower) recover(ctx context.Context, s *stream) error {
	refused := s.reached()
	f.record.sawRefusal(refused)
	f.mu.Lock()
	from := f.reached
	f.mu.Unlock()
	if from <= refused {
		list, err := f.client.Events(f.selection.namespace).List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			return err
		}
		if from, err = strconv.ParseUint(list.ResourceVersion, 10, 64); err != nil {
			return err
		}
	}
	s.end()
	f.begin(from)
	return nil
}

func (f *follower) take(s *stream, event watch.Event) error {
	obj, ok := event.Object.(*eventsv1.Event)
	if !ok {
		return fmt.Errorf("it gave a %T", event.Object)
	}
	v, err := versionOf(obj)
	if err != nil {
		return err
	}
	f.addToRecord(event.Type, v)
	s.add(delivery{kind: event.Type, version: v})
	return nil
}

// addToRecord adds a delivery to the record. An event that leaves a selection by its
// phase is deleted for this watch only.
func (f *follower) addToRecord(kind watch.EventType, v version) {
	switch {
	case kind == watch.Bookmark || kind == watch.Deleted && f.selection.phase != "":
		f.record.sawRevision(v.revision)
	case kind == watch.Deleted:
		f.record.sawDeletion(v)
	default:
		f.record.sawVersion(v)
	}
}

// resume ends the stream and begins the next one.
func (f *follower) resume(s *stream) {
	s.end()
	f.mu.Lock()
	f.reached = max(f.reached, s.reached())
	from := f.reached
	if f.random != nil {
		from -= f.random.Uint64N(min(from, rewindLimits()[f.random.IntN(3)]))
	}
	f.resumed++
	f.mu.Unlock()
	f.begin(from)
}

// begin lets the next watch begin after a revision.
func (f *follower) begin(from uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reached = max(f.reached, from)
	f.streams = append(f.streams, newStream(f.selection, from))
}

// check compares everything that was delivered with the confirmed changes up to a revision,
// after it has waited for the current watch to reach it.
func (f *follower) check(ctx context.Context, upTo uint64) error {
	caughtUp := func() bool {
		present := f.present()
		return present.reached() >= f.record.lastDue(present, upTo)
	}
	if !eventually(ctx, caughtUp) {
		f.record.found(fmt.Sprintf("watch %s has not reached revision %d in %s", f.name, upTo, waitTimeout))
	}
	f.mu.Lock()
	streams := f.streams
	f.streams = streams[len(streams)-1:]
	f.mu.Unlock()
	for _, s := range streams {
		f.record.checkStream(f.name, s, upTo)
	}
	return ctx.Err()
}

// eventually waits for a condition and reports whether it was met.
func eventually(ctx context.Context, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	for !condition() {
		if ctx.Err() != nil {
			return false
		}
		pause(ctx, pollStep)
	}
	return true
}
