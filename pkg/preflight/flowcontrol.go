// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// checkFlowControl finds the flow schemas that match the requests of the account. If one gives
// them the priority level of other users, they may wait for seats that are held by the client
// requests which they serve.
func checkFlowControl(ctx context.Context, r *report, cluster Cluster, options Options) error {
	list, err := cluster.Client.FlowcontrolV1().FlowSchemas().List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		r.unchecked("priority and fairness", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing FlowSchemas: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b flowcontrolv1.FlowSchema) int {
		return cmp.Or(cmp.Compare(a.Spec.MatchingPrecedence, b.Spec.MatchingPrecedence), cmp.Compare(a.Name, b.Name))
	})
	const action = "apply artifacts/base/access/flow-control.yaml"
	for _, request := range []flowRequest{{group: "", resource: "events", namespaced: true}, {group: "authorization.k8s.io", resource: "subjectaccessreviews"}} {
		i := slices.IndexFunc(list.Items, func(schema flowcontrolv1.FlowSchema) bool {
			return slices.ContainsFunc(schema.Spec.Rules, func(rule flowcontrolv1.PolicyRulesWithSubjects) bool {
				return matchesAccount(rule.Subjects, options.Account) && request.matches(rule.ResourceRules)
			})
		})
		if i < 0 {
			continue // the mandatory catch-all is missing, or priority and fairness is off
		}
		schema := &list.Items[i]
		level := schema.Spec.PriorityLevelConfiguration.Name
		if sharer := sharesLevel(list.Items, level, options.Account); sharer != "" {
			r.add(Warning, "FlowSchema/"+schema.Name, fmt.Sprintf("gives creates of %s by %s the priority level %s, which FlowSchema %s gives to others: when clients hold all its seats with requests for events.k8s.io, the requests that these need wait until they time out", request.resource, options.Account.Username(), level, sharer), action)
		}
	}
	if len(r.findings) == 0 {
		r.ok("the requests of " + options.Account.Username() + " have a priority level of their own")
	}
	return nil
}

// flowRequest is a create that the server sends to serve a request of a client.
type flowRequest struct {
	group, resource string
	namespaced      bool
}

func (f flowRequest) matches(rules []flowcontrolv1.ResourcePolicyRule) bool {
	has := func(values []string, value string) bool {
		return slices.Contains(values, value) || slices.Contains(values, "*")
	}
	return slices.ContainsFunc(rules, func(rule flowcontrolv1.ResourcePolicyRule) bool {
		scope := rule.ClusterScope
		if f.namespaced {
			scope = slices.Contains(rule.Namespaces, flowcontrolv1.NamespaceEvery)
		}
		return scope && has(rule.Verbs, "create") && has(rule.APIGroups, f.group) && has(rule.Resources, f.resource)
	})
}

func matchesAccount(subjects []flowcontrolv1.Subject, account Account) bool {
	return slices.ContainsFunc(subjects, func(subject flowcontrolv1.Subject) bool {
		switch {
		case isAccount(subject, account):
			return true
		case subject.User != nil:
			return subject.User.Name == "*"
		case subject.Group != nil:
			return subject.Group.Name == "*" || slices.Contains(account.Groups(), subject.Group.Name)
		case subject.ServiceAccount != nil:
			return subject.ServiceAccount.Namespace == account.Namespace && subject.ServiceAccount.Name == "*"
		}
		return false
	})
}

// isAccount reports whether the subject is the account and no other user.
func isAccount(subject flowcontrolv1.Subject, account Account) bool {
	return subject.User != nil && subject.User.Name == account.Username() ||
		subject.ServiceAccount != nil && subject.ServiceAccount.Namespace == account.Namespace && subject.ServiceAccount.Name == account.Name
}

// sharesLevel returns the name of a flow schema that gives the level to other users than the
// account, empty if there is none.
func sharesLevel(schemas []flowcontrolv1.FlowSchema, level string, account Account) string {
	if level == "exempt" {
		return "" // requests of an exempt level never wait
	}
	for i := range schemas {
		if schemas[i].Spec.PriorityLevelConfiguration.Name != level {
			continue
		}
		for _, rule := range schemas[i].Spec.Rules {
			for _, subject := range rule.Subjects {
				if !isAccount(subject, account) {
					return schemas[i].Name
				}
			}
		}
	}
	return ""
}
