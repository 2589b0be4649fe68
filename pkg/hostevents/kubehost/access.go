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
	// reviewTTL is how long the result of a review is used again, as in delegated
	// authorization.
	reviewTTL = 10 * time.Second
	// reviewCacheSize is the maximum number of results.
	reviewCacheSize = 1000
)

// accessReviewer distinguishes a 403 of admission from one of authorization. Both have
// the same code and reason, and a policy can return any text, so the host is asked.
type accessReviewer struct {
	reviews authorizationv1client.SelfSubjectAccessReviewInterface
	cached  *cache.LRUExpireCache
}

func newAccessReviewer(reviews authorizationv1client.SelfSubjectAccessReviewInterface) *accessReviewer {
	return &accessReviewer{reviews: reviews, cached: cache.NewLRUExpireCache(reviewCacheSize)}
}

// explain returns the error of a request, wrapped in ErrNotAuthorized if the server's
// own account has no permission for it.
func (a *accessReviewer) explain(ctx context.Context, verb, namespace string, err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	allowed, reviewErr := a.allowed(ctx, verb, namespace)
	switch {
	case apierrors.IsForbidden(reviewErr):
		return err // reviews are forbidden, too, so the 403 is all that is known
	case reviewErr != nil:
		// Not wrapped: a failing host has not decided about the write.
		return fmt.Errorf("asking whether the host cluster lets this account %s events, after it answered %q: %s", verb, err.Error(), reviewErr.Error())
	case !allowed:
		return fmt.Errorf("%w: %s events in namespace %q: %w", hostevents.ErrNotAuthorized, verb, namespace, err)
	}
	return err
}

// review is what is asked for.
type review struct{ verb, namespace string }

func (a *accessReviewer) allowed(ctx context.Context, verb, namespace string) (bool, error) {
	asked := review{verb, namespace}
	if cached, ok := a.cached.Get(asked); ok {
		allowed, ok := cached.(bool)
		return ok && allowed, nil
	}
	answer, err := a.reviews.Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Namespace: namespace, Version: corev1.SchemeGroupVersion.Version, Resource: "events",
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	a.cached.Add(asked, answer.Status.Allowed, reviewTTL)
	return answer.Status.Allowed, nil
}
