// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// writtenBy is the annotation into which stamping policies copy the user's name.
const writtenBy = "example.com/written-by"

func policyCases() []admissionCase {
	both := []admissionregistrationv1.RuleWithOperations{oursRule(), coreRule()}
	return []admissionCase{
		{name: "stamps of a policy for both groups", run: func(t *testing.T, s *scene) { testStamp(t, s, both) }},
		{name: "a mutation of a policy for core/v1 alone", run: testMutatesOtherKind},
		{name: "stamps of a policy for events.k8s.io", run: func(t *testing.T, s *scene) { testStamp(t, s, both[:1]) }},
		{name: "a policy for events.k8s.io that admits one account", run: func(t *testing.T, s *scene) { testAllowList(t, s, oursRule()) }},
		{name: "a policy for core/v1 that admits one account", run: func(t *testing.T, s *scene) { testAllowList(t, s, coreRule()) }},
		{name: "a policy for core/v1 that refuses somebody", run: testRefusesSomebody},
		{name: "a policy for core/v1 that refuses deletions of somebody", run: testRefusesDeletions},
		{name: "a policy for exactly core/v1", run: testExactly},
		{name: "a refusal in the words of RBAC", run: testWordsOfRBAC},
		{name: "a refusal of the mirrored write in the words of RBAC", run: testMirrorRefusedInWordsOfRBAC, onlyOurs: true},
		{name: "a mutation that is not idempotent", run: testOnce},
	}
}

// stamps makes a policy that copies the writer's name.
func (s *scene) stamps(t *testing.T, rules []admissionregistrationv1.RuleWithOperations) {
	t.Helper()
	s.mutates(t, rules, admissionregistrationv1.Mutation{
		PatchType: admissionregistrationv1.PatchTypeApplyConfiguration,
		ApplyConfiguration: &admissionregistrationv1.ApplyConfiguration{
			Expression: fmt.Sprintf(`Object{metadata: Object.metadata{annotations: {%q: request.userInfo.username}}}`, writtenBy),
		},
	})
}

// mutates makes a policy that mutates the events of the scene's namespace, and
// leaves the mirrored write alone.
func (s *scene) mutates(t *testing.T, rules []admissionregistrationv1.RuleWithOperations, mutation admissionregistrationv1.Mutation) {
	t.Helper()
	policy := &admissionregistrationv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec: admissionregistrationv1.MutatingAdmissionPolicySpec{
			MatchConstraints:   &admissionregistrationv1.MatchResources{ResourceRules: named(rules), NamespaceSelector: s.ownNamespace()},
			MatchConditions:    notOurAccount(),
			Mutations:          []admissionregistrationv1.Mutation{mutation},
			ReinvocationPolicy: admissionregistrationv1.NeverReinvocationPolicy,
		},
	}
	binding := &admissionregistrationv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec:       admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{PolicyName: s.namespace},
	}
	policies := s.Admin.AdmissionregistrationV1().MutatingAdmissionPolicies()
	if _, err := policies.Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.deleteAfter(t, policies.Delete)
	bindings := s.Admin.AdmissionregistrationV1().MutatingAdmissionPolicyBindings()
	if _, err := bindings.Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.deleteAfter(t, bindings.Delete)
}

// validates makes a policy that admits the events of the scene's namespace for
// which the validation holds.
func (s *scene) validates(t *testing.T, rule admissionregistrationv1.RuleWithOperations, validation admissionregistrationv1.Validation, change func(*admissionregistrationv1.ValidatingAdmissionPolicySpec)) {
	t.Helper()
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{
				ResourceRules: named([]admissionregistrationv1.RuleWithOperations{rule}), NamespaceSelector: s.ownNamespace(),
			},
			Validations: []admissionregistrationv1.Validation{validation},
		},
	}
	if change != nil {
		change(&policy.Spec)
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: s.namespace, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		},
	}
	policies := s.Admin.AdmissionregistrationV1().ValidatingAdmissionPolicies()
	if _, err := policies.Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.deleteAfter(t, policies.Delete)
	bindings := s.Admin.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	if _, err := bindings.Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.deleteAfter(t, bindings.Delete)
}

// excludesOurAccount adds what docs/host-events.md tells operators to add.
func excludesOurAccount(spec *admissionregistrationv1.ValidatingAdmissionPolicySpec) {
	spec.MatchConditions = notOurAccount()
}

func exactly(spec *admissionregistrationv1.ValidatingAdmissionPolicySpec) {
	spec.MatchConstraints.MatchPolicy = ptr.To(admissionregistrationv1.Exact)
}

// A policy that notes who wrote names the user, whichever group its rules name:
// in the answer and in both views.
func testStamp(t *testing.T, s *scene, rules []admissionregistrationv1.RuleWithOperations) {
	s.stamps(t, rules)
	client := s.as(t, writer)
	s.changedTo(t, client, writer, func(event *eventsv1.Event) string { return event.Annotations[writtenBy] })
	created := s.mayWrite(t, writer, "a")
	if created == nil {
		return
	}
	if got := created.Annotations[writtenBy]; got != writer {
		t.Errorf("the answer names %q as the one who created", got)
	}
	created.Series = &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()}
	updated, err := s.as(t, other).EventsV1().Events(s.namespace).Update(t.Context(), created, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, updated)
	if got := updated.Annotations[writtenBy]; got != other {
		t.Errorf("the answer names %q as the one who updated", got)
	}
}

// changedTo waits until mutations are in force at both servers: until events of
// the client, in a dry run, have the text.
func (s *scene) changedTo(t *testing.T, client kubernetes.Interface, want string, text func(*eventsv1.Event) string) {
	t.Helper()
	clustertest.Eventually(t, "events.k8s.io to mutate", func(ctx context.Context) error {
		// It asks its own admission, and kube-apiserver's is no later in seeing a policy.
		answer, err := s.create(ctx, client, "dry", metav1.DryRunAll)
		if err != nil {
			return err
		}
		if got := text(answer); got != want {
			return fmt.Errorf("it is %q, want %q", got, want)
		}
		return nil
	})
}

// A policy that admits one account alone admits it, and nobody else.
func testAllowList(t *testing.T, s *scene, rule admissionregistrationv1.RuleWithOperations) {
	validation := admissionregistrationv1.Validation{Expression: fmt.Sprintf("request.userInfo.username == %q", writer), Message: "not on the list"}
	s.validates(t, rule, validation, excludesOurAccount)
	s.mayNotWrite(t, other, withStatus(http.StatusUnprocessableEntity, "not on the list"))
	s.mayWrite(t, writer, "a")
}

// A policy that refuses somebody is asked about the user here, also if it knows
// core/v1 alone, and it sees the event in the form that it knows.
func testRefusesSomebody(t *testing.T, s *scene) {
	validation := admissionregistrationv1.Validation{
		Expression: fmt.Sprintf(`request.userInfo.username != %q || object.involvedObject.kind != "Pod" || request.kind.group != ""`, other),
		Message:    "not you",
	}
	s.validates(t, coreRule(), validation, nil)
	s.mayNotWrite(t, other, withStatus(http.StatusUnprocessableEntity, "not you"))
	s.mayWrite(t, writer, "a")
}

func testRefusesDeletions(t *testing.T, s *scene) {
	event := s.mayWrite(t, writer, "kept")
	if event == nil {
		return
	}
	validation := admissionregistrationv1.Validation{
		Expression: fmt.Sprintf(`request.userInfo.username != %q || oldObject.involvedObject.kind != "Pod"`, other),
		Message:    "not you",
	}
	s.validates(t, coreRule(admissionregistrationv1.Delete), validation, nil)
	client := s.as(t, other).EventsV1().Events(s.namespace)
	refusal := withStatus(http.StatusUnprocessableEntity, "not you")
	clustertest.Eventually(t, "deletions to be refused", func(ctx context.Context) error {
		return refusal(client.Delete(ctx, event.Name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}))
	})
	if err := refusal(client.Delete(t.Context(), event.Name, metav1.DeleteOptions{})); err != nil {
		t.Error(err)
	}
	if err := refusal(client.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{})); err != nil {
		t.Errorf("of the collection: %v", err)
	}
	s.sameNow(t, event)
	if err := s.as(t, writer).EventsV1().Events(s.namespace).Delete(t.Context(), event.Name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	s.isNowhere(t, event.Name)
}

// A policy with matchPolicy Exact is asked about writes to its group alone.
func testExactly(t *testing.T, s *scene) {
	validation := admissionregistrationv1.Validation{Expression: fmt.Sprintf("request.userInfo.username != %q", other), Message: "not you"}
	s.validates(t, coreRule(), validation, func(spec *admissionregistrationv1.ValidatingAdmissionPolicySpec) {
		exactly(spec)
		excludesOurAccount(spec)
	})
	refusal := withStatus(http.StatusUnprocessableEntity, "not you")
	client := s.as(t, other)
	clustertest.Eventually(t, "core/v1 to refuse "+other, func(ctx context.Context) error {
		_, err := s.createCore(ctx, client, "refused", metav1.DryRunAll)
		return refusal(err)
	})
	s.mayWrite(t, other, "a")
}

// likeRBAC is a validation that refuses everything as the RBAC authorizer would.
func likeRBAC(namespace string) admissionregistrationv1.Validation {
	return admissionregistrationv1.Validation{
		Expression: "false",
		Message:    fmt.Sprintf(`events is forbidden: User "x" cannot create resource "events" in API group "" in the namespace %q`, namespace),
		Reason:     ptr.To(metav1.StatusReasonForbidden),
	}
}

func testWordsOfRBAC(t *testing.T, s *scene) {
	s.validates(t, coreRule(), likeRBAC(s.namespace), nil)
	s.mayNotWrite(t, writer, withStatus(http.StatusForbidden, `cannot create resource "events"`))
}

// Whether a right is missing is not read out of a message: this one is a policy's.
func testMirrorRefusedInWordsOfRBAC(t *testing.T, s *scene) {
	s.validates(t, coreRule(), likeRBAC(s.namespace), exactly)
	s.mayNotWrite(t, writer, withStatus(http.StatusForbidden, `cannot create resource "events"`))
}

// A mutation that is not idempotent happens once. The rules name both groups, so
// each object is mutated in the form in which it was written.
func testOnce(t *testing.T, s *scene) {
	s.mutates(t, []admissionregistrationv1.RuleWithOperations{oursRule(), coreRule()}, admissionregistrationv1.Mutation{
		PatchType: admissionregistrationv1.PatchTypeJSONPatch,
		JSONPatch: &admissionregistrationv1.JSONPatch{
			Expression: `request.kind.group == ""
				? [JSONPatch{op: "replace", path: "/message", value: object.message + "!"}]
				: [JSONPatch{op: "replace", path: "/note", value: object.note + "!"}]`,
		},
	})
	want := newOurs(s.namespace, "a").Note + "!"
	s.changedTo(t, s.as(t, writer), want, func(event *eventsv1.Event) string { return event.Note })
	if created := s.mayWrite(t, writer, "a"); created != nil && created.Note != want {
		t.Errorf("the answer has %q, want %q", created.Note, want)
	}
}

// A mutating policy whose rules name core/v1 alone is asked about events.k8s.io,
// too, and kube-apiserver fails to convert what it has mutated: the write is
// refused. It is no better here.
func testMutatesOtherKind(t *testing.T, s *scene) {
	s.stamps(t, []admissionregistrationv1.RuleWithOperations{coreRule()})
	client := s.as(t, writer)
	refusal := withStatus(anyStatus, "is not suitable for converting")
	clustertest.Eventually(t, "events.k8s.io to refuse", func(ctx context.Context) error {
		_, err := s.create(ctx, client, "refused", metav1.DryRunAll)
		return refusal(err)
	})
	_, err := s.create(t.Context(), client, "refused")
	if err := refusal(err); err != nil {
		t.Error(err)
	}
	s.isNowhere(t, "refused")
}
