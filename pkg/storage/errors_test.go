// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// TestTransientErrorsHaveRetryAfter is about transient errors: clients only retry a
// request if the response has a delay.
func TestTransientErrorsHaveRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		code int
	}{
		{engine.ErrLowSpace, http.StatusTooManyRequests},
		{engine.ErrDiskFull, http.StatusGatewayTimeout},
		{engine.ErrFailed, http.StatusServiceUnavailable},
		{engine.ErrClosed, http.StatusServiceUnavailable},
	} {
		err := writeError(fmt.Errorf("committing: %w", test.err))
		status, ok := err.(apierrors.APIStatus)
		if !ok || int(status.Status().Code) != test.code {
			t.Errorf("%v: got %v, want %d", test.err, err, test.code)
		}
		if seconds, ok := apierrors.SuggestsClientDelay(err); !ok || seconds == 0 {
			t.Errorf("%v: has no delay for a retry", test.err)
		}
	}
	if err := writeError(errSynthetic); err != errSynthetic { //nolint:errorlint // it must be the same
		t.Errorf("got %v for an unknown error", err)
	}
}

func TestWriteToClosedEngine(t *testing.T) {
	t.Parallel()
	config := Config{Codec: podCodec(t), ResourcePrefix: "/pods", NewFunc: newFixture(t).store.config.NewFunc}
	opened := openEngine(t, config)
	config.Engine = opened
	store, destroy, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	destroy()
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	err = store.Create(t.Context(), "/pods/ns/pod", podNamed("pod"), nil, 0)
	if !apierrors.IsServiceUnavailable(err) {
		t.Errorf("got %v", err)
	}
}

func TestCanceledRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"create": f.store.Create(ctx, "/pods/ns/pod", podNamed("pod"), nil, 0),
		"update": f.store.GuaranteedUpdate(ctx, "/pods/ns/pod", podNamed(""), true, nil, storage.SimpleUpdate(onto("node")), nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
