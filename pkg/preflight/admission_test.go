// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func rule(group, resource string, operations ...admissionregistrationv1.OperationType) admissionregistrationv1.RuleWithOperations {
	if len(operations) == 0 {
		operations = []admissionregistrationv1.OperationType{admissionregistrationv1.OperationAll}
	}
	return admissionregistrationv1.RuleWithOperations{
		Operations: operations, Rule: admissionregistrationv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}},
	}
}

func resources(match admissionregistrationv1.MatchPolicyType, rules ...admissionregistrationv1.RuleWithOperations) *admissionregistrationv1.MatchResources {
	m := &admissionregistrationv1.MatchResources{MatchPolicy: new(match)}
	for _, rule := range rules {
		m.ResourceRules = append(m.ResourceRules, admissionregistrationv1.NamedRuleWithOperations{RuleWithOperations: rule})
	}
	return m
}

func TestReach(t *testing.T) {
	t.Parallel()
	const exact, equivalent = admissionregistrationv1.Exact, admissionregistrationv1.Equivalent
	all, none := reach{client: true, mirror: true}, reach{}
	excluding := resources(equivalent, rule("*", "*"))
	excluding.ExcludeResourceRules = resources(equivalent, rule("", "events")).ResourceRules
	for name, tt := range map[string]struct {
		resources *admissionregistrationv1.MatchResources
		want      reach
	}{
		"core/v1":                     {resources(equivalent, rule("", "events")), all},
		"events.k8s.io":               {resources(equivalent, rule("events.k8s.io", "events")), all},
		"all":                         {resources(equivalent, rule("*", "*")), all},
		"all and their subresources":  {resources(equivalent, rule("*", "*/*")), all},
		"subresources":                {resources(equivalent, rule("*", "*/status")), none},
		"exactly core/v1":             {resources(exact, rule("", "events")), reach{mirror: true}},
		"exactly events.k8s.io":       {resources(exact, rule("events.k8s.io", "events")), reach{client: true}},
		"others":                      {resources(equivalent, rule("apps", "*"), rule("", "pods")), none},
		"connections":                 {resources(equivalent, rule("", "*", admissionregistrationv1.Connect)), none},
		"deletions":                   {resources(equivalent, rule("", "*", admissionregistrationv1.Delete)), all},
		"all but core/v1 events":      {excluding, none},
		"a binding without resources": {nil, all},
		"a binding without rules":     {&admissionregistrationv1.MatchResources{}, all},
	} {
		if got := reachOfResources(tt.resources); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestExcludes(t *testing.T) {
	t.Parallel()
	e, err := newExcluder(testAccount())
	if err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]bool{
		e.condition: true,
		`request.userInfo.username != "system:serviceaccount:events-apiserver:events-apiserver"`:                             true,
		`!(request.userInfo.username in ["a", "system:serviceaccount:events-apiserver:events-apiserver"])`:                   true,
		`!request.userInfo.username.startsWith("system:serviceaccount:events-apiserver:")`:                                   true,
		`!("system:serviceaccounts:events-apiserver" in request.userInfo.groups)`:                                            true,
		`!request.userInfo.groups.exists(g, g == "system:serviceaccounts")`:                                                  true,
		`object.type == "Warning" && request.userInfo.username != "system:serviceaccount:events-apiserver:events-apiserver"`: true,
		`request.requestResource.group == "events.k8s.io"`:                                                                   true,
		`request.userInfo.username == "somebody"`:                                                                            true,
		`object.type == "Warning"`: false,
		`object.type == "Warning" || request.userInfo.username != "system:serviceaccount:events-apiserver:events-apiserver"`: false,
		`request.userInfo.username != "system:serviceaccount:other:events-apiserver"`:                                        false,
		`request.namespace != "kube-system"`:                               false,
		`request.operation == "DELETE"`:                                    false,
		`!authorizer.group("").resource("events").check("skip").allowed()`: false,
		`variables.skip`:                       false,
		`has(params.skip) && params.skip`:      false,
		`request.userInfo.username.matches("(`: false,
		`no such thing`:                        false,
		`true`:                                 false,
	} {
		if got := e.excludes([]admissionregistrationv1.MatchCondition{{Name: "other", Expression: "true"}, {Name: "tested", Expression: expression}}); got != want {
			t.Errorf("%s: got %v, want %v", expression, got, want)
		}
	}
}

func validating(match *admissionregistrationv1.MatchResources, expression string, conditions ...admissionregistrationv1.MatchCondition) *admissionregistrationv1.ValidatingAdmissionPolicy {
	return &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: match, MatchConditions: conditions,
			Validations: []admissionregistrationv1.Validation{{Expression: expression}},
		},
	}
}

func bound(action admissionregistrationv1.ValidationAction, match *admissionregistrationv1.MatchResources) *admissionregistrationv1.ValidatingAdmissionPolicyBinding {
	return &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "p-binding"},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: "p", ValidationActions: []admissionregistrationv1.ValidationAction{action}, MatchResources: match,
		},
	}
}

func mutating(expression string, conditions ...admissionregistrationv1.MatchCondition) *admissionregistrationv1.MutatingAdmissionPolicy {
	return &admissionregistrationv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "m"},
		Spec: admissionregistrationv1.MutatingAdmissionPolicySpec{
			MatchConstraints: resources(admissionregistrationv1.Equivalent, rule("*", "events")), MatchConditions: conditions,
			Mutations: []admissionregistrationv1.Mutation{{PatchType: admissionregistrationv1.PatchTypeJSONPatch, JSONPatch: &admissionregistrationv1.JSONPatch{Expression: expression}}},
		},
	}
}

func mutatingBound() *admissionregistrationv1.MutatingAdmissionPolicyBinding {
	return &admissionregistrationv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "m"}, Spec: admissionregistrationv1.MutatingAdmissionPolicyBindingSpec{PolicyName: "m"},
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	const exact, equivalent, deny, warn = admissionregistrationv1.Exact, admissionregistrationv1.Equivalent, admissionregistrationv1.Deny, admissionregistrationv1.Warn
	e, err := newExcluder(testAccount())
	if err != nil {
		t.Fatal(err)
	}
	excluded := admissionregistrationv1.MatchCondition{Name: "c", Expression: e.condition}
	ours := resources(equivalent, rule("events.k8s.io", "events"))
	const byUser, byObject = `request.userInfo.username == "a"`, `object.type == "Normal"`
	withParams := validating(ours, byObject)
	withParams.Spec.ParamKind = &admissionregistrationv1.ParamKind{APIVersion: "v1", Kind: "ConfigMap"}
	inMessage := validating(ours, byObject)
	inMessage.Spec.Validations[0].MessageExpression = `"not for " + request.userInfo.username`
	oneGroup := mutating("[]")
	oneGroup.Spec.MatchConstraints = ours
	for name, tt := range map[string]struct {
		objects []runtime.Object
		denied  []string
		want    []wanted
	}{
		"nothing": {want: []wanted{want(OK, "0 policies")}},
		"by user": {
			objects: []runtime.Object{validating(ours, byUser), bound(deny, nil)},
			want:    []wanted{want(Problem, "ValidatingAdmissionPolicy/p", "looks at the user", e.condition)},
		},
		"by user, for core/v1": {
			objects: []runtime.Object{validating(resources(equivalent, rule("", "events")), byUser), bound(deny, nil)},
			want:    []wanted{want(Problem, "ValidatingAdmissionPolicy/p", "looks at the user")},
		},
		"by user, in its message": {
			objects: []runtime.Object{inMessage, bound(deny, nil)},
			want:    []wanted{want(Problem, "looks at the user")},
		},
		"by user, warns": {
			objects: []runtime.Object{validating(ours, byUser), bound(warn, nil)},
			want:    []wanted{want(Warning, "warns once more")},
		},
		"by user, excluded": {
			objects: []runtime.Object{validating(ours, byUser, excluded), bound(deny, nil)},
			want:    []wanted{want(OK, "1 policies")},
		},
		"by object": {
			objects: []runtime.Object{validating(ours, byObject), bound(deny, nil)},
			want:    []wanted{want(OK, "1 policies")},
		},
		"not bound": {
			objects: []runtime.Object{validating(ours, byUser)},
			want:    []wanted{want(OK, "0 policies")},
		},
		"bound for others": {
			objects: []runtime.Object{validating(ours, byUser), bound(deny, resources(equivalent, rule("", "pods")))},
			want:    []wanted{want(OK, "0 policies")},
		},
		"exactly core/v1": {
			objects: []runtime.Object{validating(resources(exact, rule("", "events")), byObject), bound(deny, nil)},
			want:    []wanted{want(Warning, "ValidatingAdmissionPolicy/p", "would not ask it", e.condition)},
		},
		"exactly events.k8s.io": {
			objects: []runtime.Object{validating(resources(exact, rule("events.k8s.io", "events")), byUser), bound(deny, nil)},
			want:    []wanted{want(OK, "1 policies")},
		},
		"parameters that cannot be read": {
			objects: []runtime.Object{withParams, bound(deny, nil)}, denied: []string{"list configmaps", "watch configmaps"},
			want: []wanted{want(Problem, "ValidatingAdmissionPolicy/p", "may not list, watch", "configmaps")},
		},
		"parameters": {
			objects: []runtime.Object{withParams, bound(deny, nil)},
			want:    []wanted{want(OK, "1 policies")},
		},
		"stamps": {
			objects: []runtime.Object{mutating("[JSONPatch{op: 'add', path: '/note', value: request.userInfo.username}]"), mutatingBound()},
			want:    []wanted{want(Problem, "MutatingAdmissionPolicy/m", "derives from the writer", e.condition)},
		},
		"mutates": {
			objects: []runtime.Object{mutating("[JSONPatch{op: 'add', path: '/note', value: 'x'}]"), mutatingBound()},
			want:    []wanted{want(Warning, "MutatingAdmissionPolicy/m", "twice", e.condition)},
		},
		"mutates, for one group alone": {
			objects: []runtime.Object{oneGroup, mutatingBound()},
			want:    []wanted{want(Problem, "MutatingAdmissionPolicy/m", "cannot convert", e.condition)},
		},
		"stamps, excluded": {
			objects: []runtime.Object{mutating("[JSONPatch{op: 'add', path: '/note', value: request.userInfo.username}]", excluded), mutatingBound()},
			want:    []wanted{want(OK, "1 policies")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFakeCluster(tt.objects...)
			c.client.Resources = []*metav1.APIResourceList{{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "configmaps", Kind: "ConfigMap"}}}}
			for _, right := range tt.denied {
				c.denied[right] = true
			}
			compare(t, run(t, checkAdmission, c, Options{}), tt.want...)
		})
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	e, err := newExcluder(testAccount())
	if err != nil {
		t.Fatal(err)
	}
	excluded := []admissionregistrationv1.MatchCondition{{Name: "c", Expression: e.condition}}
	validating := func(failure admissionregistrationv1.FailurePolicyType, match admissionregistrationv1.MatchPolicyType, group string, conditions []admissionregistrationv1.MatchCondition) runtime.Object {
		return &admissionregistrationv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "v"},
			Webhooks: []admissionregistrationv1.ValidatingWebhook{{
				Name: "v.example.com", Rules: []admissionregistrationv1.RuleWithOperations{rule(group, "*")},
				FailurePolicy: &failure, MatchPolicy: &match, MatchConditions: conditions,
			}},
		}
	}
	const fail, ignore = admissionregistrationv1.Fail, admissionregistrationv1.Ignore
	const exact, equivalent = admissionregistrationv1.Exact, admissionregistrationv1.Equivalent
	for name, tt := range map[string]struct {
		hook runtime.Object
		want []wanted
	}{
		"asked twice":           {validating(ignore, equivalent, "", nil), []wanted{want(Warning, "ValidatingWebhookConfiguration/v v.example.com", "once more", e.condition)}},
		"excluded":              {validating(ignore, equivalent, "", excluded), []wanted{want(OK, "1 policies")}},
		"fails closed":          {validating(fail, equivalent, "events.k8s.io", excluded), []wanted{want(Warning, "failurePolicy Fail")}},
		"both":                  {validating(fail, equivalent, "events.k8s.io", nil), []wanted{want(Warning, "once more"), want(Warning, "failurePolicy Fail")}},
		"for others":            {validating(fail, equivalent, "apps", nil), []wanted{want(OK, "0 policies")}},
		"exactly core/v1":       {validating(ignore, exact, "", nil), []wanted{want(Warning, "would not ask it")}},
		"exactly events.k8s.io": {validating(ignore, exact, "events.k8s.io", nil), []wanted{want(OK, "1 policies")}},
		"mutates, fails closed unless said": {&admissionregistrationv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "m"},
			Webhooks:   []admissionregistrationv1.MutatingWebhook{{Name: "m.example.com", Rules: []admissionregistrationv1.RuleWithOperations{rule("*", "*")}}},
		}, []wanted{want(Warning, "MutatingWebhookConfiguration/m m.example.com", "idempotent", e.condition), want(Warning, "failurePolicy Fail")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, run(t, checkAdmission, newFakeCluster(tt.hook), Options{}), tt.want...)
		})
	}
}

func TestAdmission_WhatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := newFakeCluster(validating(resources(admissionregistrationv1.Equivalent, rule("", "events")), `request.userInfo.username == "a"`), bound(admissionregistrationv1.Deny, nil))
	c.forbid("list", "mutatingadmissionpolicies")
	compare(t, run(t, checkAdmission, c, Options{}), want(Problem, "looks at the user"), want(Warning, "not checked: MutatingAdmissionPolicies"))
}
