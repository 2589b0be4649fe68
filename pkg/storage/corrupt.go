// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// The reasons why stored data is corrupt. The texts are those of the etcd3 store.
const (
	untransformable = "data from the storage is not transformable"
	undecodable     = "object not decodable"
)

// corruptError is an error of the stored data itself: it cannot be decrypted or decoded.
// It is only used with Config.AllowUnsafeDelete.
type corruptError struct {
	what     string
	revision engine.Revision
	err      error
}

func (e *corruptError) Error() string {
	return fmt.Sprintf("%s revision=%d: %v", e.what, e.revision, e.err)
}

func (e *corruptError) Unwrap() error { return e.err }

// corruptDeletedError ends a watch that would have to send a DELETED event with an
// object that cannot be read.
type corruptDeletedError struct{ err error }

func (e *corruptDeletedError) Error() string {
	return fmt.Sprintf("saw a DELETED event, but object data is corrupt - %v", e.err)
}

func (e *corruptDeletedError) Unwrap() error { return e.err }

// corruptionMarker wraps errors of TransformFromStorage in corruptError.
type corruptionMarker struct{ value.Transformer }

// TransformFromStorage implements value.Transformer.
func (m corruptionMarker) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	out, stale, err := m.Transformer.TransformFromStorage(ctx, data, dataCtx)
	if err != nil {
		return nil, false, &corruptError{what: untransformable, err: err}
	}
	return out, stale, nil
}

// unsafeDeleter is a Store whose read errors name the corrupt objects. The registry needs
// that before it deletes an object without having read it.
type unsafeDeleter struct{ *Store }

// Get implements storage.Interface.
func (d unsafeDeleter) Get(ctx context.Context, key string, opts storage.GetOptions, out runtime.Object) error {
	err := d.Store.Get(ctx, key, opts, out)
	if corrupt := new(corruptError); errors.As(err, &corrupt) {
		return storage.NewCorruptObjError(key, corrupt)
	}
	return err
}

// GetList implements storage.Interface.
func (d unsafeDeleter) GetList(ctx context.Context, key string, opts storage.ListOptions, listObj runtime.Object) error {
	err := d.Store.GetList(ctx, key, opts, listObj)
	if corrupt := new(corruptListError); errors.As(err, &corrupt) {
		return corrupt.status(d.config.GroupResource)
	}
	return err
}

// mostCorruptItems is the number of corrupt objects after which a list is aborted.
const mostCorruptItems = 100

var errTooManyCorrupt = errors.New("too many errors, the list is truncated")

// itemErrors collects the errors of single items of a list.
type itemErrors struct {
	// collect is whether a list goes on after a corrupt item.
	collect bool
	corrupt []error
	// abort is why the list ended early, nil if it did not.
	abort error
}

// add records the error of an item and reports whether the list must end.
func (e *itemErrors) add(key string, err error) bool {
	corrupt := new(corruptError)
	if !e.collect || !errors.As(err, &corrupt) {
		e.abort = err
		return true
	}
	e.corrupt = append(e.corrupt, storage.NewCorruptObjError(key, corrupt))
	if len(e.corrupt) >= mostCorruptItems {
		e.abort = errTooManyCorrupt
		return true
	}
	return false
}

// result returns the error of the list as a whole, nil if there is none.
func (e *itemErrors) result() error {
	if len(e.corrupt) == 0 {
		return e.abort
	}
	return &corruptListError{corrupt: e.corrupt, abort: e.abort}
}

// corruptListError names the corrupt objects of a list.
type corruptListError struct {
	corrupt []error
	abort   error
}

func (e *corruptListError) Error() string {
	return fmt.Sprintf("%d objects of the list cannot be read: %v", len(e.corrupt), errors.Join(errors.Join(e.corrupt...), e.abort))
}

// status returns the API error, with one cause for each object.
func (e *corruptListError) status(resource schema.GroupResource) error {
	message := fmt.Sprintf("failed to read one or more %s from the storage: %v", resource, e.corrupt[0])
	if more := len(e.corrupt) - 1; more > 0 {
		message = fmt.Sprintf("%s (and %d more)", message, more)
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure,
		Code:   http.StatusInternalServerError,
		Reason: metav1.StatusReasonStoreReadError,
		Details: &metav1.StatusDetails{
			Group:  resource.Group,
			Kind:   resource.Resource,
			Name:   "list",
			Causes: e.causes(),
		},
		Message: message,
	}}
}

func (e *corruptListError) causes() []metav1.StatusCause {
	causes := make([]metav1.StatusCause, 0, len(e.corrupt)+1)
	for _, err := range e.corrupt {
		cause := metav1.StatusCause{Type: metav1.CauseTypeUnexpectedServerResponse, Message: err.Error()}
		if item := new(storage.StorageError); errors.As(err, &item) {
			cause.Field = item.Key
		}
		causes = append(causes, cause)
	}
	switch {
	case errors.Is(e.abort, errTooManyCorrupt):
		causes = append(causes, metav1.StatusCause{Type: metav1.CauseTypeTooMany, Message: e.abort.Error()})
	case e.abort != nil:
		causes = append(causes, metav1.StatusCause{Type: metav1.CauseTypeUnexpectedServerResponse, Message: e.abort.Error()})
	}
	return causes
}
