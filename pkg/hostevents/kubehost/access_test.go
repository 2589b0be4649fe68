// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package kubehost

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// rbacWords is the message of authorization, which a policy can have as well.
const rbacWords = `events is forbidden: User "system:serviceaccount:x:y" cannot create resource "events" in API group "" in the namespace "n"`

// outcome is what the caller can know from an error.
type outcome string

const (
	notAuthorized outcome = "our account lacks the right"
	refused       outcome = "the host refuses the write"
	noAnswer      outcome = "no answer about the write"
)

func outcomeOf(err error) outcome {
	switch {
	case errors.Is(err, hostevents.ErrNotAuthorized):
		return notAuthorized
	case apierrors.IsForbidden(err):
		return refused
	case errors.As(err, new(apierrors.APIStatus)):
		return "another Status"
	}
	return noAnswer
}

// Whether a 403 is for want of a right is asked, not read from the message.
func TestRights_TellAdmissionFromAuthorization(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		message string
		// review is how a SelfSubjectAccessReview is answered, with a status of 201
		// unless code is set.
		allowed bool
		code    int
		want    outcome
	}{
		"a right that is lacking":              {message: rbacWords, allowed: false, want: notAuthorized},
		"a policy in the words of RBAC":        {message: rbacWords, allowed: true, want: refused},
		"a policy":                             {message: "not in this house", allowed: true, want: refused},
		"a right that is lacking, other words": {message: "no", allowed: false, want: notAuthorized},
		"reviews are forbidden":                {message: "no", code: http.StatusForbidden, want: refused},
		"reviews fail":                         {message: "no", code: http.StatusInternalServerError, want: noAnswer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reviews := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if !strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") {
					answerWith(t, w, http.StatusForbidden, &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: test.message})
					return
				}
				reviews++
				if test.code != 0 {
					answerWith(t, w, test.code, &metav1.Status{Status: metav1.StatusFailure, Code: int32(test.code), Message: "no review"}) //nolint:gosec // an HTTP status
					return
				}
				review := &authorizationv1.SelfSubjectAccessReview{}
				if err := json.NewDecoder(r.Body).Decode(review); err != nil {
					t.Errorf("reading the review: %v", err)
				}
				if asked := review.Spec.ResourceAttributes; asked == nil || asked.Verb != "create" || asked.Namespace != "n" || asked.Resource != "events" || asked.Group != "" {
					t.Errorf("asked about %+v", asked)
				}
				review.Status.Allowed = test.allowed
				answerWith(t, w, http.StatusCreated, review)
			}))
			defer server.Close()
			set, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON, AcceptContentTypes: runtime.ContentTypeJSON}})
			if err != nil {
				t.Fatal(err)
			}
			host := &client{core: set.CoreV1(), access: newAccessReviewer(set.AuthorizationV1().SelfSubjectAccessReviews())}
			for range 3 {
				_, err = host.Create(t.Context(), &events.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "a"}}, false)
				if got := outcomeOf(err); got != test.want {
					t.Errorf("%v: the outcome is %s, want %s", err, got, test.want)
				}
			}
			if wantOnce := test.code == 0; wantOnce && reviews != 1 {
				t.Errorf("asked %d times within a moment", reviews)
			}
		})
	}
}

func answerWith(t *testing.T, w http.ResponseWriter, code int, body runtime.Object) {
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		t.Errorf("answering: %v", err)
	}
}
