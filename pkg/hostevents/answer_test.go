// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		"right that we lack":       {fmt.Errorf("%w: %w", ErrNotAuthorized, forbidden), notAuthorized, false},
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
	err := withOurGroup(apierrors.NewAlreadyExists(corev1.Resource("events"), "a"))
	if want := `events.events.k8s.io "a" already exists`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	original := apierrors.NewNotFound(corev1.Resource("namespaces"), "n")
	if err := withOurGroup(original); err.Error() != original.Error() {
		t.Errorf("what is not about events became %q", err)
	}
}
