// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (a *admissionCheck) validatingWebhooks(ctx context.Context) error {
	list, err := a.cluster.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		for j := range list.Items[i].Webhooks {
			hook := &list.Items[i].Webhooks[j]
			a.webhook("ValidatingWebhookConfiguration/"+list.Items[i].Name+" "+hook.Name, reachOf(hook.MatchPolicy, hook.Rules), hook.FailurePolicy, hook.MatchConditions,
				"is asked about the mirrored write once more, with "+a.account.Username()+" as the user: if it looks at the user it may refuse what it has admitted")
		}
	}
	return nil
}

func (a *admissionCheck) mutatingWebhooks(ctx context.Context) error {
	list, err := a.cluster.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		for j := range list.Items[i].Webhooks {
			hook := &list.Items[i].Webhooks[j]
			a.webhook("MutatingWebhookConfiguration/"+list.Items[i].Name+" "+hook.Name, reachOf(hook.MatchPolicy, hook.Rules), hook.FailurePolicy, hook.MatchConditions,
				"mutates the mirrored write once more, with "+a.account.Username()+" as the user: one time too many if it looks at the user or is not idempotent")
		}
	}
	return nil
}

// webhook adds the findings about a webhook. Whether it uses the user of the request is not
// known.
func (a *admissionCheck) webhook(object string, of reach, failure *admissionregistrationv1.FailurePolicyType, conditions []admissionregistrationv1.MatchCondition, asked string) {
	if !of.any() {
		return
	}
	a.matching++
	switch {
	case !of.mirror || a.excluder.excludes(conditions):
	case !of.client:
		a.add(Warning, object, "is asked about the mirrored write of every event, which is made by "+a.account.Username()+", and not about its writer: kube-apiserver would not ask it about events.k8s.io at all", a.exclude())
	default:
		a.add(Warning, object, asked, a.exclude())
	}
	if failure == nil || *failure == admissionregistrationv1.Fail {
		a.add(Warning, object, "has failurePolicy Fail: while it cannot be reached no event that it matches can be written, as without events-apiserver",
			"see that the server's pods reach it as kube-apiserver does, or set its failurePolicy to Ignore")
	}
}
