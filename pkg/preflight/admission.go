// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// checkAdmission finds admission policies and webhooks that kube-apiserver evaluates for the
// mirrored write, with the server's account as the user, although the server has evaluated
// them for the client before.
func checkAdmission(ctx context.Context, r *report, cluster Cluster, options Options) error {
	excluder, err := newExcluder(options.Account)
	if err != nil {
		return err
	}
	a := &admissionCheck{report: r, cluster: cluster, account: options.Account, excluder: excluder}
	for _, part := range []struct {
		what string
		run  func(context.Context) error
	}{
		{"ValidatingAdmissionPolicies", a.validatingPolicies},
		{"MutatingAdmissionPolicies", a.mutatingPolicies},
		{"ValidatingWebhookConfigurations", a.validatingWebhooks},
		{"MutatingWebhookConfigurations", a.mutatingWebhooks},
	} {
		err := part.run(ctx)
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			r.unchecked(part.what, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("listing %s: %w", part.what, err)
		}
	}
	if len(r.findings) == 0 {
		r.ok(fmt.Sprintf("%d policies and webhooks match events, and each gives the mirrored write the answer that it gave its writer", a.matching))
	}
	return nil
}

type admissionCheck struct {
	*report
	cluster  Cluster
	account  Account
	excluder *excluder
	// matching is the number of policies and webhooks that match events.
	matching int
}

// exclude returns the action for one that is evaluated twice.
func (a *admissionCheck) exclude() string {
	return `add to its matchConditions {name: not-events-apiserver, expression: "` + a.excluder.condition + `"}: the server has asked it about the writer already`
}

// policy has the common parts of validating and mutating policies.
type policy struct {
	object     string
	resources  *admissionregistrationv1.MatchResources
	conditions []admissionregistrationv1.MatchCondition
	params     *admissionregistrationv1.ParamKind
	// expressions are all CEL expressions of the policy, including match conditions.
	expressions []string
	// bindings are the match resources of its bindings.
	bindings []*admissionregistrationv1.MatchResources
	// asked returns the level and the message for a policy that is evaluated twice.
	asked func(looksAtUser bool) (Level, string)
}

// policy adds the findings about a policy that has a binding.
func (a *admissionCheck) policy(ctx context.Context, p policy) error {
	of := reachOfResources(p.resources)
	bound := reach{}
	for _, binding := range p.bindings {
		limit := reachOfResources(binding)
		bound.client, bound.mirror = bound.client || limit.client, bound.mirror || limit.mirror
	}
	of.client, of.mirror = of.client && bound.client, of.mirror && bound.mirror
	if !of.any() {
		return nil
	}
	a.matching++
	if of.client {
		if err := a.params(ctx, p); err != nil {
			return err
		}
	}
	switch {
	case !of.mirror || a.excluder.excludes(p.conditions):
	case !of.client:
		a.add(Warning, p.object, "is asked about the mirrored write of every event, which is made by "+a.account.Username()+", and not about its writer: kube-apiserver would not ask it about events.k8s.io at all", a.exclude())
	default:
		looksAtUser := slices.ContainsFunc(p.expressions, func(expression string) bool {
			return strings.Contains(expression, "userInfo") || strings.Contains(expression, "authorizer")
		})
		if level, message := p.asked(looksAtUser); level != OK {
			a.add(level, p.object, message, a.exclude())
		}
	}
	return nil
}

func (a *admissionCheck) validatingPolicies(ctx context.Context) error {
	client := a.cluster.Client.AdmissionregistrationV1()
	policies, err := client.ValidatingAdmissionPolicies().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	bindings, err := client.ValidatingAdmissionPolicyBindings().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range policies.Items {
		spec, name := &policies.Items[i].Spec, policies.Items[i].Name
		p := policy{
			object: "ValidatingAdmissionPolicy/" + name, resources: spec.MatchConstraints, conditions: spec.MatchConditions,
			params: spec.ParamKind, expressions: validatingExpressions(spec),
		}
		denies := false
		for j := range bindings.Items {
			if binding := &bindings.Items[j].Spec; binding.PolicyName == name {
				p.bindings = append(p.bindings, binding.MatchResources)
				denies = denies || slices.Contains(binding.ValidationActions, admissionregistrationv1.Deny)
			}
		}
		p.asked = func(looksAtUser bool) (Level, string) {
			switch {
			case !looksAtUser:
				return OK, ""
			case denies:
				return Problem, "looks at the user, and is asked about " + a.account.Username() + " when kube-apiserver gets the mirrored write: it may refuse what it has admitted"
			}
			return Warning, "looks at the user, and audits or warns once more for " + a.account.Username()
		}
		if err := a.policy(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func validatingExpressions(spec *admissionregistrationv1.ValidatingAdmissionPolicySpec) []string {
	expressions := conditionsAndVariables(spec.MatchConditions, spec.Variables)
	for _, validation := range spec.Validations {
		expressions = append(expressions, validation.Expression, validation.MessageExpression)
	}
	for _, annotation := range spec.AuditAnnotations {
		expressions = append(expressions, annotation.ValueExpression)
	}
	return expressions
}

func conditionsAndVariables(conditions []admissionregistrationv1.MatchCondition, variables []admissionregistrationv1.Variable) []string {
	expressions := make([]string, 0, len(conditions)+len(variables))
	for _, condition := range conditions {
		expressions = append(expressions, condition.Expression)
	}
	for _, variable := range variables {
		expressions = append(expressions, variable.Expression)
	}
	return expressions
}

func (a *admissionCheck) mutatingPolicies(ctx context.Context) error {
	client := a.cluster.Client.AdmissionregistrationV1()
	policies, err := client.MutatingAdmissionPolicies().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	bindings, err := client.MutatingAdmissionPolicyBindings().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range policies.Items {
		spec, name := &policies.Items[i].Spec, policies.Items[i].Name
		p := policy{
			object: "MutatingAdmissionPolicy/" + name, resources: spec.MatchConstraints, conditions: spec.MatchConditions,
			params: spec.ParamKind, expressions: mutatingExpressions(spec),
		}
		for j := range bindings.Items {
			if binding := &bindings.Items[j].Spec; binding.PolicyName == name {
				p.bindings = append(p.bindings, binding.MatchResources)
			}
		}
		p.asked = func(looksAtUser bool) (Level, string) {
			if spec.MatchConstraints != nil && !anyMatches(plainRules(spec.MatchConstraints.ResourceRules), corev1.GroupName) {
				return Problem, "names events.k8s.io alone in its rules: kube-apiserver cannot convert what it has mutated back to core/v1, refuses the mirrored write, and with it every event that the policy matches"
			}
			if looksAtUser {
				return Problem, "looks at the user, and mutates the mirrored write once more, for " + a.account.Username() + ": what it derives from the writer is derived from that account"
			}
			return Warning, "mutates every event twice, here and in the mirrored write, which is one time too many unless it is idempotent"
		}
		if err := a.policy(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func mutatingExpressions(spec *admissionregistrationv1.MutatingAdmissionPolicySpec) []string {
	expressions := conditionsAndVariables(spec.MatchConditions, spec.Variables)
	for _, mutation := range spec.Mutations {
		if mutation.ApplyConfiguration != nil {
			expressions = append(expressions, mutation.ApplyConfiguration.Expression)
		}
		if mutation.JSONPatch != nil {
			expressions = append(expressions, mutation.JSONPatch.Expression)
		}
	}
	return expressions
}
