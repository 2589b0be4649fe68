// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// right is a set of verbs on a resource. The namespace "." stands for that of the account.
type right struct {
	group, resource, namespace, name string
	verbs                            []string
	// without is what does not work without the right.
	without string
}

const ownNamespace = "."

// rights returns the rights of artifacts/base/access; a test compares them.
func rights() []right {
	const admission = "the server is not ready until it can read them"
	read := []string{"list", "watch"}
	all := []right{
		{resource: "events", verbs: []string{"create", "delete", "get", "list", "update", "watch"}, without: "the two APIs are not one set of events: what is written stays in the queue"},
		{resource: "namespaces", verbs: []string{"get", "list", "watch"}, without: admission},
		{group: "flowcontrol.apiserver.k8s.io", resource: "flowschemas", verbs: read, without: admission},
		{group: "flowcontrol.apiserver.k8s.io", resource: "prioritylevelconfigurations", verbs: read, without: admission},
		{group: "authorization.k8s.io", resource: "subjectaccessreviews", verbs: []string{"create"}, without: "every request is answered with an error: the server cannot ask what a user may do"},
		{group: "authentication.k8s.io", resource: "tokenreviews", verbs: []string{"create"}, without: "requests with a token that reach the server directly are refused"},
		{resource: "configmaps", namespace: metav1.NamespaceSystem, name: "extension-apiserver-authentication", verbs: []string{"get", "list", "watch"}, without: "the server does not accept kube-apiserver as a proxy"},
		{group: "coordination.k8s.io", resource: "leases", namespace: ownNamespace, verbs: []string{"create"}, without: "core/v1 events are not ingested"},
		{group: "coordination.k8s.io", resource: "leases", namespace: ownNamespace, name: "host-events", verbs: []string{"get", "update"}, without: "core/v1 events are not ingested"},
	}
	for _, resource := range []string{
		"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
		"validatingadmissionpolicies", "validatingadmissionpolicybindings",
	} {
		all = append(all, right{group: "admissionregistration.k8s.io", resource: resource, verbs: read, without: admission})
	}
	return all
}

func checkRights(ctx context.Context, r *report, cluster Cluster, options Options) error {
	may := reviewOf(ctx, cluster.Client, options.Account)
	lacking := 0
	for _, right := range rights() {
		var missing []string
		for _, verb := range right.verbs {
			allowed, err := may(ctx, right.attributes(verb, options.Account))
			if apierrors.IsForbidden(err) {
				r.unchecked("what "+options.Account.Username()+" may do", err)
				return nil
			}
			if err != nil {
				return fmt.Errorf("reviewing the rights of the account: %w", err)
			}
			if !allowed {
				missing = append(missing, verb)
			}
		}
		if len(missing) > 0 {
			lacking++
			r.add(Problem, "", fmt.Sprintf("%s may not %s %s: %s", options.Account.Username(), strings.Join(missing, ", "), right.describe(options.Account), right.without),
				"apply artifacts/base/access, or the overlay without its registration")
		}
	}
	if lacking == 0 {
		r.ok(options.Account.Username() + " has every right that it needs")
	}
	return nil
}

// reviewOf returns a function that reports whether the account has a right. The account itself
// may always review its own rights; other users need a right to review those of others.
func reviewOf(ctx context.Context, client kubernetes.Interface, account Account) func(context.Context, *authorizationv1.ResourceAttributes) (bool, error) {
	self, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err == nil && self.Status.UserInfo.Username == account.Username() {
		return func(ctx context.Context, attributes *authorizationv1.ResourceAttributes) (bool, error) {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes}}
			answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return false, err
			}
			return answer.Status.Allowed, nil
		}
	}
	return func(ctx context.Context, attributes *authorizationv1.ResourceAttributes) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: account.Username(), Groups: account.Groups(), ResourceAttributes: attributes,
		}}
		answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return false, err
		}
		return answer.Status.Allowed, nil
	}
}

func (r right) attributes(verb string, account Account) *authorizationv1.ResourceAttributes {
	return &authorizationv1.ResourceAttributes{
		Verb: verb, Group: r.group, Version: "v1", Resource: r.resource, Namespace: r.in(account), Name: r.name,
	}
}

func (r right) in(account Account) string {
	if r.namespace == ownNamespace {
		return account.Namespace
	}
	return r.namespace
}

// describe returns the resource in words, for a message.
func (r right) describe(account Account) string {
	text := r.resource
	if r.group != "" {
		text += "." + r.group
	}
	if r.name != "" {
		text += "/" + r.name
	}
	if namespace := r.in(account); namespace != "" {
		return text + " in namespace " + namespace
	}
	return text + " in all namespaces"
}
