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

// This file is the one place where errors of the engine become errors of
// storage.Interface and of the API.

// The texts of these refusals are known to clients of the API.
const (
	listExpired     = "The resourceVersion for the provided list is too old."
	watchExpired    = "The resourceVersion for the provided watch is too old."
	continueExpired = "The provided continue parameter is too old to display a consistent list result. " +
		"Start the list anew without it; or go on with the continue parameter of this answer and get the rest of " +
		"the list as it is now, in which objects that changed in between may be missing or may show up twice."
)

// How long clients are asked to wait.
const (
	retryNoSpaceSeconds = 10
	retryStoppedSeconds = 5
)

// writeError translates what Commit returned, conflicts excepted: only the
// caller knows what they mean.
func writeError(err error) error {
	switch {
	case errors.Is(err, engine.ErrLowSpace):
		return apierrors.NewTooManyRequests(fmt.Sprintf("the store takes no writes for now: %v; make room on the disk of its data directory or delete objects, "+
			"and writes are taken again", err), retryNoSpaceSeconds)
	case errors.Is(err, engine.ErrDiskFull):
		return apierrors.NewTimeoutError("the disk of the store ran full under this write, which may or may not be made; make room on it", retryNoSpaceSeconds)
	case errors.Is(err, engine.ErrFailed):
		return unavailable("the store takes no writes since its disk refused one; it must be opened anew when the disk is well")
	default:
		return readError(err)
	}
}

// readError translates what reads return, revisions out of range excepted.
func readError(err error) error {
	if errors.Is(err, engine.ErrClosed) {
		return unavailable("the store is shutting down")
	}
	return err
}

// unavailable is a refusal that clients repeat by themselves.
func unavailable(message string) error {
	err := apierrors.NewServiceUnavailable(message)
	err.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: retryStoppedSeconds}
	return err
}

// listPosition is where a list was when it failed.
type listPosition struct {
	prefix, continueKey string
	// continued tells that the client sent a continue token.
	continued bool
	revision  engine.Revision
	// remaining is how many objects were behind the page before, 0 if that is not
	// known.
	remaining int64
}

// listError translates what a list at that position got from the engine.
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

// expiredContinue refuses a continue token and offers another, with which the
// list goes on from the same key at the newest revision. That is what -1 asks
// for; 0 would be a token without revision.
func expiredContinue(position listPosition) error {
	refusal := apierrors.NewResourceExpired(continueExpired)
	token, err := storage.EncodeContinue(position.continueKey, position.prefix, -1)
	if err == nil && position.remaining > 0 {
		token, err = withRemaining(token, position.remaining)
	}
	if err == nil {
		refusal.ErrStatus.Continue = token
	}
	return refusal
}

// watchStatus is the error as the last event of a watch tells it.
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

// tooNewToWatch refuses the initial events of a revision that is not there yet.
// The jitter keeps many informers from coming back at once.
func tooNewToWatch(wanted, current engine.Revision) error {
	retry := int(wait.Jitter(time.Second, 3).Seconds())
	return storage.NewTooLargeResourceVersionError(uint64(wanted), uint64(current), retry)
}

// endedByCaller tells errors that only say that the request is over.
func endedByCaller(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
