// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// This file converts errors of the engine to errors of storage.Interface and of the API.

// Messages of 410 Gone responses. The first two are those of the etcd3 store.
const (
	listExpired     = "The resourceVersion for the provided list is too old."
	watchExpired    = "The resourceVersion for the provided watch is too old."
	continueExpired = "The provided continue parameter is too old to display a consistent list result. " +
		"Start a new list without it, or use the continue parameter of this response to get the rest of the list as it is now; " +
		"objects that changed in between may be missing or listed twice."
)

// Retry-After of errors that a retry can cure, in seconds.
const (
	retryNoSpaceSeconds = 10
	retryStoppedSeconds = 5
)

// writeError converts an error of engine.Commit. Conflicts are left to the caller, which
// retries them or converts them to the error of its operation.
func writeError(err error) error {
	switch {
	case errors.Is(err, engine.ErrLowSpace):
		return apierrors.NewTooManyRequests(fmt.Sprintf("the store refuses writes while its disk is low on space: %v; free space on the disk of the data directory or delete objects, "+
			"and it accepts writes again", err), retryNoSpaceSeconds)
	case errors.Is(err, engine.ErrDiskFull):
		return apierrors.NewTimeoutError("the disk of the store was full during this write, which may or may not have been made; free space on it", retryNoSpaceSeconds)
	case errors.Is(err, engine.ErrFailed):
		return unavailable("the store accepts no writes because writing to its disk failed; restart the server when the disk works again")
	default:
		return readError(err)
	}
}

// readError converts an error of a read, except for revisions out of range.
func readError(err error) error {
	if errors.Is(err, engine.ErrClosed) {
		return unavailable("the store is shutting down")
	}
	return err
}

// unavailable returns a 503 error that clients retry.
func unavailable(message string) error {
	err := apierrors.NewServiceUnavailable(message)
	err.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: retryStoppedSeconds}
	return err
}

// listPosition is where a page of a list begins.
type listPosition struct {
	prefix, continueKey string
	// continued is whether the client sent a continue token.
	continued bool
	revision  engine.Revision
	// remaining is the number of objects after the page before, 0 if it is not known.
	remaining int64
}

// listError converts an error of a list at the position.
func listError(err error, position listPosition, current engine.Revision) error {
	switch {
	case errors.Is(err, engine.ErrFuture):
		return storage.NewTooLargeResourceVersionError(uint64(position.revision), uint64(current), 0)
	case errors.Is(err, engine.ErrCompacted) && position.continued:
		return expiredContinue(position)
	case errors.Is(err, engine.ErrCompacted):
		return apierrors.NewResourceExpired(listExpired)
	default:
		return readError(err)
	}
}

// expiredContinue returns the error for an expired continue token, with another token
// that continues the list after the same key at the newest revision. In a token that is
// revision -1; 0 means that the token has none.
func expiredContinue(position listPosition) error {
	refusal := apierrors.NewResourceExpired(continueExpired)
	token, err := storage.EncodeContinue(position.continueKey, position.prefix, -1)
	if err == nil && position.remaining > 0 {
		token, err = addRemaining(token, position.remaining)
	}
	if err == nil {
		refusal.ErrStatus.Continue = token
	}
	return refusal
}

// watchStatus returns the object of the ERROR event for an error that ends a watch.
func watchStatus(err error) *metav1.Status {
	if errors.Is(err, engine.ErrCompacted) {
		err = apierrors.NewResourceExpired(watchExpired)
	}
	err = readError(err)
	if deleted := new(corruptDeletedError); errors.As(err, &deleted) {
		return &metav1.Status{
			Status:  metav1.StatusFailure,
			Code:    http.StatusInternalServerError,
			Reason:  metav1.StatusReasonStoreReadError,
			Message: deleted.Error(),
		}
	}
	known := apierrors.APIStatus(nil)
	if !errors.As(err, &known) {
		known = apierrors.NewInternalError(err)
	}
	status := known.Status()
	return &status
}

// tooNewToWatch returns the error for initial events at a future revision. The jitter of
// the retry spreads informers that ask together.
func tooNewToWatch(wanted, current engine.Revision) error {
	retry := int(wait.Jitter(time.Second, 3).Seconds())
	return storage.NewTooLargeResourceVersionError(uint64(wanted), uint64(current), retry)
}

// endedByCaller reports whether the error is only that the request was cancelled.
func endedByCaller(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
