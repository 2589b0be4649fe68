// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// hostModel is a host cluster that behaves as kube-apiserver does and fails when
// it is told to: what a real one does only by bad luck. The real one is in
// test/hostevents.
type hostModel struct {
	mutex   sync.Mutex
	version uint64
	events  map[hostevents.Key]*events.Event
	history []hostevents.Change
	// compacted is the version up to which the history is compacted.
	compacted uint64
	changed   chan struct{}
	// lose returns how a write of the bridge fails; nil lets all succeed.
	lose func() loss
	// fails is how a request about one event is answered; nil, or an error that is
	// nil, lets it be done.
	fails func(key hostevents.Key) error
	// rejects is how the admission of a write is answered; nil, or an error that is
	// nil, admits it.
	rejects func(event *events.Event) error
	// made is called after a write of the bridge has been made and before it is
	// answered; nil is not called. The host waits meanwhile.
	made func()
}

// loss is a way to fail.
type loss int

const (
	nothingLost loss = iota
	requestLost
	answerLost
)

var errModelAway = errors.New("the host does not answer")

func newHostModel() *hostModel {
	return &hostModel{version: 100, events: map[hostevents.Key]*events.Event{}, changed: make(chan struct{})}
}

// someLosses loses some requests and some answers.
func someLosses(rng *rand.Rand, mutex *sync.Mutex) func() loss {
	return func() loss {
		mutex.Lock()
		defer mutex.Unlock()
		switch n := rng.IntN(10); n {
		case 0:
			return requestLost
		case 1:
			return answerLost
		}
		return nothingLost
	}
}

func (h *hostModel) commit(key hostevents.Key, event *events.Event, deleted bool) *events.Event {
	h.version++
	stored := event.DeepCopy()
	stored.ResourceVersion, stored.ManagedFields = "", nil
	if !deleted {
		stored.Host = events.HostState{Version: h.version, WrittenAt: time.Now().Unix()}
		h.events[key] = stored
	} else {
		stored.Host.Version = h.version
		delete(h.events, key)
	}
	h.history = append(h.history, hostevents.Change{Version: h.version, Event: stored, Deleted: deleted, LikelyNew: h.version%2 == 0})
	close(h.changed)
	h.changed = make(chan struct{})
	return stored.DeepCopy()
}

// write does a write of the bridge, or loses it or its answer.
func (h *hostModel) write(key hostevents.Key, do func() (*events.Event, error)) (*events.Event, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.fails != nil {
		if err := h.fails(key); err != nil {
			return nil, err
		}
	}
	lost := nothingLost
	if h.lose != nil {
		lost = h.lose()
	}
	if lost == requestLost {
		return nil, errModelAway
	}
	made, err := do()
	if err == nil && h.made != nil {
		h.made()
	}
	if lost == answerLost {
		return nil, errModelAway
	}
	return made, err
}

func notFound(key hostevents.Key) error {
	return apierrors.NewNotFound(events.Resource("events"), key.Name)
}

func conflict(key hostevents.Key) error {
	return apierrors.NewConflict(events.Resource("events"), key.Name, errors.New("not the expected one"))
}

func (h *hostModel) Create(_ context.Context, event *events.Event, dryRun bool) (*events.Event, error) {
	return h.write(hostevents.KeyOf(event), func() (*events.Event, error) {
		if err := h.admit(event); err != nil {
			return nil, err
		}
		return h.create(event)
	})
}

func (h *hostModel) admit(event *events.Event) error {
	if h.rejects == nil {
		return nil
	}
	return h.rejects(event)
}

func (h *hostModel) create(event *events.Event) (*events.Event, error) {
	key := hostevents.KeyOf(event)
	if h.events[key] != nil {
		return nil, apierrors.NewAlreadyExists(events.Resource("events"), key.Name)
	}
	made := event.DeepCopy()
	made.UID, made.CreationTimestamp = uuid.NewUUID(), metav1.NewTime(time.Now().Truncate(time.Second))
	return h.commit(key, made, false), nil
}

func (h *hostModel) Update(_ context.Context, event *events.Event, dryRun bool) (*events.Event, error) {
	key := hostevents.KeyOf(event)
	return h.write(key, func() (*events.Event, error) {
		current := h.events[key]
		if current == nil || current.UID != event.UIDInHost() || current.Host.Version != event.Host.Version {
			return nil, conflict(key)
		}
		if err := h.admit(event); err != nil {
			return nil, err
		}
		return h.update(current, event), nil
	})
}

func (h *hostModel) update(current, event *events.Event) *events.Event {
	next := event.DeepCopy()
	next.UID, next.CreationTimestamp = current.UID, current.CreationTimestamp
	return h.commit(hostevents.KeyOf(event), next, false)
}

func (h *hostModel) Get(_ context.Context, key hostevents.Key) (*events.Event, error) {
	return h.write(key, func() (*events.Event, error) {
		if current := h.events[key]; current != nil {
			return current.DeepCopy(), nil
		}
		return nil, notFound(key)
	})
}

func (h *hostModel) Delete(_ context.Context, key hostevents.Key, only hostevents.Preconditions, dryRun bool) error {
	_, err := h.write(key, func() (*events.Event, error) {
		current := h.events[key]
		switch {
		case current == nil:
			return nil, notFound(key)
		case only.UID != "" && only.UID != current.UID, only.Version != 0 && only.Version != current.Host.Version:
			return nil, conflict(key)
		}
		return h.commit(key, current, true), nil
	})
	return err
}

// byOther is a write through core/v1 by another client.
func (h *hostModel) byOther(key hostevents.Key, write func(current *events.Event) (next *events.Event, del bool)) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	current := h.events[key]
	next, del := write(current)
	switch {
	case del && current != nil:
		h.commit(key, current, true)
	case next != nil && current == nil:
		_, _ = h.create(next)
	case next != nil:
		h.update(current, next)
	}
}

// age makes it look as if an event had last been written that long ago.
func (h *hostModel) age(key hostevents.Key, by time.Duration) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	event := h.events[key]
	event.Host.WrittenAt -= int64(by / time.Second)
	event.CreationTimestamp.Time = event.CreationTimestamp.Add(-by)
	event.EventTime.Time = event.EventTime.Add(-by)
}

// compact makes the host compact its history.
func (h *hostModel) compact() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.compacted = h.version
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *hostModel) List(_ context.Context, continueFrom string, limit int64) (hostevents.Page, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	at, after, _ := strings.Cut(continueFrom, " ")
	if continueFrom != "" && at != strconv.FormatUint(h.version, 10) {
		return hostevents.Page{}, hostevents.ErrExpired // kept simple: no old versions
	}
	page := hostevents.Page{Version: h.version}
	var keys []hostevents.Key
	for key := range h.events {
		if key.String() > after {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b hostevents.Key) int { return strings.Compare(a.String(), b.String()) })
	for i, key := range keys {
		if int64(i) == limit {
			page.Continue = strconv.FormatUint(h.version, 10) + " " + keys[i-1].String()
			break
		}
		page.Items = append(page.Items, h.events[key].DeepCopy())
	}
	return page, nil
}

func (h *hostModel) Watch(_ context.Context, after uint64) (hostevents.Stream, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if after < h.compacted {
		return nil, hostevents.ErrExpired
	}
	return &modelStream{host: h, after: after}, nil
}

// modelStream is a watch of a hostModel.
type modelStream struct {
	host  *hostModel
	after uint64
}

func (s *modelStream) Next(ctx context.Context) (hostevents.Change, error) {
	for {
		s.host.mutex.Lock()
		if s.after < s.host.compacted {
			s.host.mutex.Unlock()
			return hostevents.Change{}, hostevents.ErrExpired
		}
		for _, change := range s.host.history {
			if change.Version > s.after {
				s.after = change.Version
				change.Event = change.Event.DeepCopy()
				s.host.mutex.Unlock()
				return change, nil
			}
		}
		changed := s.host.changed
		s.host.mutex.Unlock()
		select {
		case <-ctx.Done():
			return hostevents.Change{}, io.EOF
		case <-changed:
		}
	}
}

func (s *modelStream) Close() {}

// snapshot is what the host has.
func (h *hostModel) snapshot() map[hostevents.Key]*events.Event {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	all := map[hostevents.Key]*events.Event{}
	for key, event := range h.events {
		all[key] = event.DeepCopy()
	}
	return all
}

// waitBeyond waits until the version is higher, or nothing has happened for long.
func (h *hostModel) waitBeyond(version uint64) {
	for {
		h.mutex.Lock()
		reached, changed := h.version, h.changed
		h.mutex.Unlock()
		if reached > version {
			return
		}
		select {
		case <-changed:
		case <-time.After(modelTimeout):
			return
		}
	}
}

// loseAll lets every write of the bridge fail in that way.
func (h *hostModel) loseAll(how loss) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.lose = func() loss { return how }
}

// rejecting makes the host refuse writes of events whose note or label is bad.
func (h *hostModel) rejecting(with error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.rejects = func(event *events.Event) error {
		if strings.Contains(event.Note, "bad") || event.Labels["bad"] != "" {
			return with
		}
		return nil
	}
}
