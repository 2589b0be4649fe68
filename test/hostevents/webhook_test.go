// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
	"github.com/events-apiserver/events-apiserver/test/freeport"
)

func webhookCases() []admissionCase {
	return []admissionCase{
		{name: "a webhook for core/v1 that refuses somebody", run: testWebhookRefusesSomebody},
		{name: "a webhook for core/v1 that is away", run: func(t *testing.T, s *scene) { testWebhookAway(t, s, coreRule()) }},
		{name: "a webhook for events.k8s.io that is away", run: func(t *testing.T, s *scene) { testWebhookAway(t, s, oursRule()) }},
		{name: "a webhook for the mirrored write alone that is away", run: testMirrorWebhookAway, onlyOurs: true},
		{name: "a webhook that hangs at the mirrored write and refuses it later", run: testMirrorWebhookHangs, onlyOurs: true},
		{name: "a webhook for core/v1 that is not idempotent", run: testWebhookOnce},
		{name: "one namespace's webhook is away", run: testWebhookAwayNextDoor},
	}
}

// webhook is a server for admission reviews. What it answers with a nil response
// is an HTTP error.
func webhook(t *testing.T, answer func(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) admissionregistrationv1.WebhookClientConfig {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		review := &admissionv1.AdmissionReview{}
		if err := json.NewDecoder(r.Body).Decode(review); err != nil || review.Request == nil {
			http.Error(w, fmt.Sprintf("no review: %v", err), http.StatusBadRequest)
			return
		}
		review.Response = answer(r.Context(), review.Request)
		if review.Response == nil {
			http.Error(w, "no answer", http.StatusServiceUnavailable)
			return
		}
		review.Response.UID, review.Request = review.Request.UID, nil
		if err := json.NewEncoder(w).Encode(review); err != nil {
			t.Log(err)
		}
	}))
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return admissionregistrationv1.WebhookClientConfig{URL: new(server.URL), CABundle: authority}
}

// away is the address of a webhook that nobody serves.
func away(t *testing.T) admissionregistrationv1.WebhookClientConfig {
	t.Helper()
	port, err := freeport.ChooseOne()
	if err != nil {
		t.Fatal(err)
	}
	return admissionregistrationv1.WebhookClientConfig{URL: new(fmt.Sprintf("https://127.0.0.1:%d", port))}
}

// hooks registers a validating webhook that fails closed for the events of the
// scene's namespace.
func (s *scene) hooks(t *testing.T, client admissionregistrationv1.WebhookClientConfig, rule admissionregistrationv1.RuleWithOperations, match admissionregistrationv1.MatchPolicyType) {
	t.Helper()
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:                    s.namespace + ".example.com",
			ClientConfig:            client,
			Rules:                   []admissionregistrationv1.RuleWithOperations{rule},
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			MatchPolicy:             new(match),
			NamespaceSelector:       s.ownNamespace(),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	configurations := s.Admin.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if _, err := configurations.Create(t.Context(), configuration, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.deleteAfter(t, configurations.Delete)
}

// A webhook that knows core/v1 alone is asked about the user, and gets the event
// as core/v1 has it.
func testWebhookRefusesSomebody(t *testing.T, s *scene) {
	client := webhook(t, func(_ context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		event := &corev1.Event{}
		if err := json.Unmarshal(request.Object.Raw, event); err != nil || event.InvolvedObject.Kind != "Pod" || request.Kind.Group != corev1.GroupName || request.Resource.Group != corev1.GroupName {
			return refusal(fmt.Sprintf("not an event of core/v1: %s, of %s: %v", request.Object.Raw, request.Kind, err))
		}
		if request.RequestKind.Group == events.GroupName && request.UserInfo.Username == other {
			return refusal("not you, through events.k8s.io")
		}
		if request.UserInfo.Username == other {
			return refusal("not you, through core/v1")
		}
		return &admissionv1.AdmissionResponse{Allowed: true}
	})
	s.hooks(t, client, coreRule(), admissionregistrationv1.Equivalent)
	s.mayNotWrite(t, other, withStatus(http.StatusForbidden, "not you, through"))
	s.mayWrite(t, writer, "a")
	_, err := s.create(t.Context(), s.as(t, other), "refused")
	if err := withStatus(http.StatusForbidden, "not you, through events.k8s.io")(err); err != nil {
		t.Error(err)
	}
}

func refusal(message string) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: message, Code: http.StatusForbidden}}
}

// A webhook that fails closed and cannot be reached keeps everybody from writing,
// and nothing is stored.
func testWebhookAway(t *testing.T, s *scene, rule admissionregistrationv1.RuleWithOperations) {
	s.hooks(t, away(t), rule, admissionregistrationv1.Equivalent)
	s.mayNotWrite(t, writer, withStatus(http.StatusInternalServerError, "failed calling webhook"))
}

// So does one that only the mirrored write meets.
func testMirrorWebhookAway(t *testing.T, s *scene) {
	s.hooks(t, away(t), coreRule(), admissionregistrationv1.Exact)
	s.mayNotWrite(t, writer, withStatus(http.StatusInternalServerError, "failed calling webhook"))
}

// A mirrored write that the host did not answer in time is pending, and its event
// is served. When the host's admission refuses it in the end, it is deleted.
func testMirrorWebhookHangs(t *testing.T, s *scene) {
	var refusing atomic.Bool
	client := webhook(t, func(ctx context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		switch {
		case request.Name == "ready":
			return refusal("in force")
		case refusing.Load():
			return refusal("after all not")
		}
		<-ctx.Done()
		return nil
	})
	s.hooks(t, client, coreRule(), admissionregistrationv1.Exact)
	admin := s.Admin
	clustertest.Eventually(t, "the webhook to be in force", func(ctx context.Context) error {
		_, err := s.createCore(ctx, admin, "ready", metav1.DryRunAll)
		return withStatus(http.StatusForbidden, "in force")(err)
	})
	events := admin.EventsV1().Events(s.namespace)
	watching, err := events.Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Stop()
	if _, err := s.create(t.Context(), s.as(t, writer), "a"); err != nil {
		t.Fatalf("with a host that does not answer: %v", err)
	}
	if _, err := events.Get(t.Context(), "a", metav1.GetOptions{}); err != nil {
		t.Errorf("acknowledged, but: %v", err)
	}
	refusing.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Limit)
	defer cancel()
	if err := deleted(ctx, watching, "a"); err != nil {
		t.Error(err)
	}
	s.isNowhere(t, "a")
}

// deleted waits until a watch has brought the deletion of an event.
func deleted(ctx context.Context, watching watch.Interface, name string) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the deletion of %s is not seen: %w", name, ctx.Err())
		case change, ok := <-watching.ResultChan():
			if !ok {
				return errors.New("the watch has ended")
			}
			if event, ok := change.Object.(*eventsv1.Event); ok && event.Name == name && change.Type == watch.Deleted {
				return nil
			}
		}
	}
}

// A mutating webhook that is not idempotent, and leaves the mirrored write alone,
// mutates once.
func testWebhookOnce(t *testing.T, s *scene) {
	client := webhook(t, func(_ context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		event := &corev1.Event{}
		if err := json.Unmarshal(request.Object.Raw, event); err != nil {
			return refusal(err.Error())
		}
		patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/message", "value": event.Message + "!"}})
		if err != nil {
			return refusal(err.Error())
		}
		return &admissionv1.AdmissionResponse{Allowed: true, Patch: patch, PatchType: ptr.To(admissionv1.PatchTypeJSONPatch)}
	})
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name:                    s.namespace + ".example.com",
			ClientConfig:            client,
			Rules:                   []admissionregistrationv1.RuleWithOperations{coreRule()},
			NamespaceSelector:       s.ownNamespace(),
			MatchConditions:         notOurAccount(),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	configurations := s.Admin.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := configurations.Create(t.Context(), configuration, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.deleteAfter(t, configurations.Delete)
	want := newOurs(s.namespace, "a").Note + "!"
	s.changedTo(t, s.as(t, writer), want, func(event *eventsv1.Event) string { return event.Note })
	if created := s.mayWrite(t, writer, "a"); created != nil && created.Note != want {
		t.Errorf("the answer has %q, want %q", created.Note, want)
	}
}

// What fails in one namespace is no reason to make the writes of another later:
// they are in core/v1 by the time that they are answered.
func testWebhookAwayNextDoor(t *testing.T, s *scene) {
	s.hooks(t, away(t), coreRule(), admissionregistrationv1.Equivalent)
	failing := s.as(t, writer)
	clustertest.Eventually(t, "the webhook to be in force", func(ctx context.Context) error {
		_, err := s.createCore(ctx, failing, "ready", metav1.DryRunAll)
		return withStatus(http.StatusInternalServerError, "failed calling webhook")(err)
	})
	quiet := &scene{suite: s.suite, namespace: s.MakeNamespace(t, s.namespace+"-next-door")}
	client := s.as(t, writer)
	for i := range 20 {
		// What comes of it is another test's; here it only makes trouble.
		_, _ = s.create(t.Context(), failing, fmt.Sprintf("failing-%d", i))
		created, err := quiet.create(t.Context(), client, fmt.Sprintf("a-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().Events(quiet.namespace).Get(t.Context(), created.Name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			t.Errorf("%s is not in core/v1 when it is answered", created.Name)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	quiet.equalViews(t, quiet.namespace)
}
