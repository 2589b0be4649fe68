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

// answer is what the outcome of a request to the host means for the write.
type answer int

const (
	// answered: the host has decided, for the write or against it.
	answered answer = iota
	// unavailable: the host cannot be reached, or does not accept our requests.
	unavailable
	// timedOut: the host did not answer in time.
	timedOut
	// throttled: the host accepts no more requests of this kind now.
	throttled
	// notAuthorized: the server's own account has no permission.
	notAuthorized
)

// answerOf classifies an error of the host. Every Status of the host is an answer,
// also one with code 500, which the built-in API would return to the client (a
// webhook that cannot be called, an event that is too large for etcd). Exceptions are
// the codes that do not depend on the write, and responses of a proxy in between.
func answerOf(err error) answer {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return answered
	case errors.Is(err, ErrNotAuthorized):
		return notAuthorized
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

// refused reports whether the host has decided against the write, so that the client
// gets its error.
func refused(err error) bool { return err != nil && answerOf(err) == answered }

// rejected reports whether the host refuses the write permanently. One that failed in
// the host (5xx) may succeed later.
func rejected(err error) bool {
	var status apierrors.APIStatus
	return refused(err) && errors.As(err, &status) && status.Status().Code < http.StatusInternalServerError
}

// withOurGroup returns a refusal with the group of the client's request: it names
// events.events.k8s.io, as in the built-in API, instead of core/v1 events.
func withOurGroup(err error) error {
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

// terminal reports whether an error is an answer, so that the write does not go to
// the outbox.
func terminal(err error) bool {
	return refused(err) || errors.As(err, new(*MovedError))
}

// MovedError is returned where the host has another state of an event than the one
// that a write was based on. After Bridge.Ingest the write can be tried again.
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

// Moved reads the host's state of an event and returns it as a MovedError, or returns
// otherwise if it cannot be read.
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

// busyError is returned for an event that changes in the host faster than it can be
// followed; the outbox retries it. It hides the host's Status, which is not for the
// client.
type busyError struct{ cause error }

// Error returns the last reason.
func (e *busyError) Error() string {
	return "the event keeps changing in the host cluster: " + e.cause.Error()
}
