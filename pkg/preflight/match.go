// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"
)

// reach is the set of writes for which a policy or a webhook is evaluated.
type reach struct {
	// client is set if it is evaluated for writes of clients through events.k8s.io.
	client bool
	// mirror is set if kube-apiserver evaluates it for the mirrored write in core/v1.
	mirror bool
}

func (r reach) any() bool { return r.client || r.mirror }

// reachOf returns the reach of rules. With the match policy Equivalent, the default, a rule for
// one group matches both, because they are one resource.
func reachOf(matchPolicy *admissionregistrationv1.MatchPolicyType, included []admissionregistrationv1.RuleWithOperations) reach {
	exact := matchPolicy != nil && *matchPolicy == admissionregistrationv1.Exact
	found := reach{client: anyMatches(included, eventsv1.GroupName), mirror: anyMatches(included, corev1.GroupName)}
	if !exact && found.any() {
		return reach{client: true, mirror: true}
	}
	return found
}

// reachOfResources returns the reach of match resources. Those of a binding may be nil or have
// no rules, and then match everything.
func reachOfResources(resources *admissionregistrationv1.MatchResources) reach {
	if resources == nil {
		return reach{client: true, mirror: true}
	}
	included := reach{client: true, mirror: true}
	if len(resources.ResourceRules) > 0 {
		included = reachOf(resources.MatchPolicy, plainRules(resources.ResourceRules))
	}
	excluded := reachOf(resources.MatchPolicy, plainRules(resources.ExcludeResourceRules))
	return reach{client: included.client && !excluded.client, mirror: included.mirror && !excluded.mirror}
}

// plainRules returns the rules without their resource names. A rule that is limited to names
// may match an event.
func plainRules(named []admissionregistrationv1.NamedRuleWithOperations) []admissionregistrationv1.RuleWithOperations {
	plain := make([]admissionregistrationv1.RuleWithOperations, 0, len(named))
	for i := range named {
		plain = append(plain, named[i].RuleWithOperations)
	}
	return plain
}

// anyMatches reports whether a write of an event of the group matches a rule.
func anyMatches(all []admissionregistrationv1.RuleWithOperations, group string) bool {
	return slices.ContainsFunc(all, func(rule admissionregistrationv1.RuleWithOperations) bool {
		for _, operation := range []admission.Operation{admission.Create, admission.Update, admission.Delete} {
			attributes := admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{Group: group, Version: "v1", Kind: "Event"}, "namespace", "name",
				schema.GroupVersionResource{Group: group, Version: "v1", Resource: "events"}, "", operation, nil, false, nil)
			if matcher := (rules.Matcher{Rule: rule, Attr: attributes}); matcher.Matches() {
				return true
			}
		}
		return false
	})
}
