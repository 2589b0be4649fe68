// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

func TestAnswerOf(t *testing.T) {
	t.Parallel()
	core := corev1.Resource("events")
	forbidden := apierrors.NewForbidden(core, "a", errors.New(`User "x" cannot create resource "events" in API group "" in the namespace "n"`))
	byProxy := func(code int) error {
		return apierrors.NewGenericServerResponse(code, "POST", core, "a", "<html>Bad Gateway</html>", 0, true)
	}
	tests := map[string]struct {
		err      error
		want     answer
		rejected bool
	}{
		"done":                     {nil, answered, false},
		"no answer":                {errors.New("connection refused"), unavailable, false},
		"given up":                 {fmt.Errorf("posting: %w", context.Canceled), unavailable, false},
		"too late":                 {fmt.Errorf("posting: %w", context.DeadlineExceeded), timedOut, false},
		"name taken":               {apierrors.NewAlreadyExists(core, "a"), answered, true},
		"namespace missing":        {apierrors.NewNotFound(corev1.Resource("namespaces"), "n"), answered, true},
		"policy in RBAC's words":   {forbidden, answered, true},
		"right that we lack":       {fmt.Errorf("%w: %w", ErrLacksRight, forbidden), lacksRight, false},
		"invalid":                  {apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Event").GroupKind(), "a", nil), answered, true},
		"credentials not taken":    {apierrors.NewUnauthorized("who is it"), unavailable, false},
		"too many requests":        {apierrors.NewTooManyRequests("later", 1), throttled, false},
		"request timeout":          {apierrors.NewTimeoutError("slow", 1), timedOut, false},
		"webhook cannot be called": {apierrors.NewInternalError(errors.New("failed calling webhook")), answered, false},
		"too large for its etcd":   {apierrors.NewInternalError(errors.New("etcdserver: request is too large")), answered, false},
		"host is starting":         {apierrors.NewServiceUnavailable("starting"), unavailable, false},
		"proxy without a host":     {byProxy(http.StatusBadGateway), unavailable, false},
		"a panic's page":           {byProxy(http.StatusInternalServerError), unavailable, false},
		"too large for the host":   {apierrors.NewRequestEntityTooLargeError("limit is 3145728"), answered, true},
		"another refusal by code":  {&apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusMethodNotAllowed}}, answered, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := answerOf(test.err); got != test.want {
				t.Errorf("%v: the answer is %d, want %d", test.err, got, test.want)
			}
			if got := rejected(test.err); got != test.rejected {
				t.Errorf("%v: rejected is %t, want %t", test.err, got, test.rejected)
			}
		})
	}
}

func TestInOurWords(t *testing.T) {
	t.Parallel()
	err := inOurWords(apierrors.NewAlreadyExists(corev1.Resource("events"), "a"))
	if want := `events.events.k8s.io "a" already exists`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	original := apierrors.NewNotFound(corev1.Resource("namespaces"), "n")
	if err := inOurWords(original); err.Error() != original.Error() {
		t.Errorf("what is not about events became %q", err)
	}
}

func TestWatermark_FollowsTheFirstThatIsMissing(t *testing.T) {
	t.Parallel()
	mark := &watermark{}
	begin := time.Unix(1000, 0)
	first, second, third := mark.enter(5, begin), mark.enter(6, begin.Add(1)), mark.enter(9, begin.Add(2))
	mark.leave(third)
	if reached, _ := mark.position(); reached != 0 {
		t.Errorf("reached %d with the first on its way", reached)
	}
	mark.leave(first)
	if reached, done := mark.position(); reached != 5 || done != 2 {
		t.Errorf("reached %d after %d, want 5 after 2", reached, done)
	}
	if oldest := mark.oldest(); !oldest.Equal(begin.Add(1)) {
		t.Errorf("the oldest is from %s", oldest)
	}
	empty := mark.empty()
	select {
	case <-empty:
		t.Error("empty with one on its way")
	default:
	}
	mark.leave(second)
	<-empty
	if reached, _ := mark.position(); reached != 9 || !mark.oldest().IsZero() {
		t.Errorf("reached %d, want 9 and nothing on its way", reached)
	}
	mark.pass(12)
	if reached, _ := mark.position(); reached != 12 {
		t.Errorf("a bookmark led to %d", reached)
	}
}

func TestGraves_ForgetInTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	g := newGraves(func() time.Time { return now })
	g.add("a")
	now = now.Add(graveLife)
	g.add("b")
	if !g.has("a") || !g.has("b") {
		t.Error("forgotten too early")
	}
	now = now.Add(graveLife)
	g.add("c")
	if g.has("a") || !g.has("b") {
		t.Error("the old one is not forgotten, or the young one is")
	}
	for i := range 3 * graveLimit {
		g.add(types.UID(strconv.Itoa(i)))
	}
	if n := len(g.young) + len(g.old); n > 2*graveLimit {
		t.Errorf("%d uids are remembered", n)
	}
}

func TestFingerprint_TellsEventsApart(t *testing.T) {
	t.Parallel()
	base := func() *events.Event {
		return &events.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a", UID: "1"},
			EventTime:  metav1.NewMicroTime(time.Unix(1000, 5000)), Reason: "Started", Note: "text",
			Regarding: corev1.ObjectReference{Kind: "Pod", Name: "p"},
		}
	}
	same := base()
	same.UID, same.Labels, same.Series = "2", map[string]string{"a": "b"}, &events.EventSeries{Count: 2}
	same.EventTime = metav1.NewMicroTime(time.Unix(1000, 5999))
	if fingerprint(base()) != fingerprint(same) {
		t.Error("what may change about an event changes its fingerprint")
	}
	for name, change := range map[string]func(*events.Event){
		"time":      func(e *events.Event) { e.EventTime = metav1.NewMicroTime(time.Unix(1001, 0)) },
		"reason":    func(e *events.Event) { e.Reason = "Stopped" },
		"note":      func(e *events.Event) { e.Note = "other" },
		"regarding": func(e *events.Event) { e.Regarding.UID = "x" },
		"shifted":   func(e *events.Event) { e.Reason, e.Action = "", e.Reason },
	} {
		other := base()
		change(other)
		if fingerprint(base()) == fingerprint(other) {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

func TestParseMode_NamesAllModes(t *testing.T) {
	t.Parallel()
	for _, mode := range Modes() {
		if got, err := ParseMode(string(mode)); err != nil || got != mode {
			t.Errorf("%s: got %s, %v", mode, got, err)
		}
	}
	_, err := ParseMode("sometimes")
	if err == nil || !strings.Contains(err.Error(), "sync, async, ingest, off") {
		t.Errorf("got %v", err)
	}
}
