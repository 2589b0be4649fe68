// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// refused tells whether the host has decided against the write, so that the
// client is to know. Everything else is a host that cannot be reached or that is
// not well, and heals with time.
func refused(err error) bool {
	var status apierrors.APIStatus
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || !errors.As(err, &status) {
		return false
	}
	switch code := status.Status().Code; {
	case tooLarge(status):
		return true
	case code < http.StatusBadRequest || code >= http.StatusInternalServerError:
		return false
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code == http.StatusUnauthorized:
		return false
	case code == http.StatusForbidden:
		return !missingRight(status)
	}
	return true
}

// tooLarge tells an event that the host's etcd does not take, which the host
// answers as if it were not well. It would not heal: such an event would hold up
// the queue, and make the host count as away.
func tooLarge(status apierrors.APIStatus) bool {
	message := status.Status().Message
	return strings.Contains(message, "etcdserver: request is too large") || strings.Contains(message, "trying to send message larger than max")
}

// missingRight tells a right that the bridge itself lacks, which is a mistake of
// the installation and not the client's, from what admission refuses.
func missingRight(status apierrors.APIStatus) bool {
	return strings.Contains(status.Status().Message, `" cannot `) && strings.Contains(status.Status().Message, `resource "events"`)
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
