// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"context"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

const (
	// rightsKept is for how long an answer about a right is used again, as long as
	// delegated authorization keeps one.
	rightsKept = 10 * time.Second
	// rightsLimit bounds how many are kept.
	rightsLimit = 1000
)

// rights tells a 403 of admission from one of authorization. Both have the same
// code and reason, and a policy can give any text, so the host is asked.
type rights struct {
	reviews authorizationv1client.SelfSubjectAccessReviewInterface
	kept    *cache.LRUExpireCache
}

func newRights(reviews authorizationv1client.SelfSubjectAccessReviewInterface) *rights {
	return &rights{reviews: reviews, kept: cache.NewLRUExpireCache(rightsLimit)}
}

// explain returns the error of a request, as hostevents.ErrLacksRight if our account may not
// make it.
func (r *rights) explain(ctx context.Context, verb, namespace string, err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	allowed, reviewErr := r.allowed(ctx, verb, namespace)
	switch {
	case apierrors.IsForbidden(reviewErr):
		return err // even this may not be asked, so the 403 is all that is known
	case reviewErr != nil:
		// Not wrapped: that the host is not well says nothing about the write.
		return fmt.Errorf("asking whether the host cluster lets this account %s events, after it answered %q: %s", verb, err.Error(), reviewErr.Error())
	case !allowed:
		return fmt.Errorf("%w: %s events in namespace %q: %w", hostevents.ErrLacksRight, verb, namespace, err)
	}
	return err
}

// right is one question.
type right struct{ verb, namespace string }

func (r *rights) allowed(ctx context.Context, verb, namespace string) (bool, error) {
	asked := right{verb, namespace}
	if kept, ok := r.kept.Get(asked); ok {
		allowed, ok := kept.(bool)
		return ok && allowed, nil
	}
	review, err := r.reviews.Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Namespace: namespace, Version: corev1.SchemeGroupVersion.Version, Resource: "events",
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	r.kept.Add(asked, review.Status.Allowed, rightsKept)
	return review.Status.Allowed, nil
}
