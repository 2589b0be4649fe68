// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// answer is what the end of a request to the host means for the write.
type answer int

const (
	// answered: the host has decided, for the write or against it.
	answered answer = iota
	// unavailable: the host cannot be reached, or does not take our requests.
	unavailable
	// timedOut: the host did not answer in time.
	timedOut
	// throttled: the host takes no more requests of this kind now.
	throttled
	// lacksRight: our own account may not do it.
	lacksRight
)

// answerOf tells what an error of the host means. Every Status of the host is an
// answer, also one with the code 500: the built-in would give it to the client
// (a webhook that cannot be called, an event that is too large for etcd). Exempt
// are the codes that say nothing about the write, and what a proxy in between has
// answered.
func answerOf(err error) answer {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return answered
	case errors.Is(err, ErrLacksRight):
		return lacksRight
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut
	case errors.Is(err, context.Canceled) || !errors.As(err, &status):
		return unavailable
	}
	switch code := status.Status().Code; {
	case code == http.StatusTooManyRequests:
		return throttled
	case code == http.StatusGatewayTimeout:
		return timedOut
	case code == http.StatusUnauthorized, code == http.StatusServiceUnavailable, code < http.StatusBadRequest:
		return unavailable
	case code >= http.StatusInternalServerError && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		return unavailable // client-go has made the Status of something else
	}
	return answered
}

// refused tells whether the host has decided against the write, so that the
// client is to know.
func refused(err error) bool { return err != nil && answerOf(err) == answered }

// rejected tells whether the host refuses the write for good. One that it failed
// at (5xx) may succeed later.
func rejected(err error) bool {
	var status apierrors.APIStatus
	return refused(err) && errors.As(err, &status) && status.Status().Code < http.StatusInternalServerError
}

// inOurWords gives a refusal the group that the client asked: it speaks of
// events.events.k8s.io as the built-in does there, not of core/v1 events.
func inOurWords(err error) error {
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		return err
	}
	ours := &apierrors.StatusError{ErrStatus: *status.ErrStatus.DeepCopy()}
	details := ours.ErrStatus.Details
	if details == nil || details.Group != "" || details.Kind != "events" {
		return ours
	}
	details.Group = events.GroupName
	ours.ErrStatus.Message = strings.Replace(ours.ErrStatus.Message, `events "`, `events.`+events.GroupName+` "`, 1)
	return ours
}

// final tells whether an error is an answer.
func final(err error) bool {
	return refused(err) || errors.As(err, new(*MovedError))
}

// MovedError says that the host has another state of an event than the one a
// write was based on. Taken in with Bridge.TakeIn, the write can be tried again.
type MovedError struct {
	Key Key
	// Stored is the state that the write was based on.
	Stored *events.Event
	// Current is the host's state, nil if the event was deleted there.
	Current *events.Event
}

// Error names the event.
func (e *MovedError) Error() string {
	if e.Current == nil {
		return fmt.Sprintf("event %s was deleted in the host cluster", e.Key)
	}
	return fmt.Sprintf("event %s was changed in the host cluster, version %d", e.Key, e.Current.Host.Version)
}

// Moved reads the host's state of an event and returns it as a MovedError, or
// otherwise if it cannot be had.
func (b *Bridge) Moved(ctx context.Context, key Key, otherwise error) error {
	var current *events.Event
	err := b.inTime(ctx, key.Namespace, func(ctx context.Context) (err error) {
		current, err = b.config.Host.Get(ctx, key)
		return err
	})
	if err != nil {
		return otherwise
	}
	return &MovedError{Key: key, Current: current}
}

// busyError says that an event changes in the host faster than it can be
// followed; it is tried again from the queue. It hides the host's status, which
// is none for the client.
type busyError struct{ cause error }

// Error names the last reason.
func (e *busyError) Error() string {
	return "the event keeps changing in the host cluster: " + e.cause.Error()
}
