// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package hostevents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// TestAdmission asks the same of policies and webhooks twice on one cluster:
// while kube-apiserver serves events.k8s.io itself, and while it passes the group
// on to events-apiserver. Nobody who writes events may see a difference.
func TestAdmission(t *testing.T) {
	s := start(t, nil)
	s.letWriteEvents(t)
	t.Run("ours", func(t *testing.T) { runAdmission(t, s, "ours") })
	if err := s.GiveBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run(servedByBuiltIn, func(t *testing.T) { runAdmission(t, s, servedByBuiltIn) })
}

const (
	servedByBuiltIn = "built-in"
	// writersGroup is the group of all users of these tests.
	writersGroup = "writers"
	// The one who may, or whose name is to be seen, and somebody else.
	writer, other = "writer", "other"
)

// admissionCase is a policy or a webhook, and what must come of it.
type admissionCase struct {
	name string
	run  func(*testing.T, *scene)
	// onlyOurs are for what the built-in does not have: a second write, in core/v1.
	onlyOurs bool
}

// scene is where a case runs: a namespace of its own, to which what it registers
// is limited, so that cases run side by side.
type scene struct {
	*suite
	namespace string
}

func runAdmission(t *testing.T, s *suite, servedBy string) {
	i := 0
	for _, cases := range [][]admissionCase{policyCases(), webhookCases()} {
		for _, c := range cases {
			if c.onlyOurs && servedBy == servedByBuiltIn {
				continue
			}
			i++
			namespace := fmt.Sprintf("admission-%s-%d", servedBy, i)
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, &scene{suite: s, namespace: s.MakeNamespace(t, namespace)})
			})
		}
	}
}

// letWriteEvents gives writersGroup all rights about events, of both groups.
func (s *suite) letWriteEvents(t *testing.T) {
	t.Helper()
	const group = writersGroup
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: group},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{corev1.GroupName, events.GroupName}, Resources: []string{"events"}, Verbs: []string{"*"},
		}},
	}
	if _, err := s.Admin.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: group},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: group},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: group}},
	}
	if _, err := s.Admin.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	client := s.as(t, writer)
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Group: events.GroupName, Resource: "events", Verb: "create", Namespace: metav1.NamespaceDefault},
	}}
	clustertest.Eventually(t, "rights for "+group, func(ctx context.Context) error {
		answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if !answer.Status.Allowed {
			return errors.New("not allowed yet")
		}
		return nil
	})
}

// as is a client with the name of a user of writersGroup.
func (s *suite) as(t *testing.T, user string) kubernetes.Interface {
	t.Helper()
	config := rest.CopyConfig(s.Rest)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{writersGroup}}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// create writes an event through events.k8s.io.
func (s *scene) create(ctx context.Context, client kubernetes.Interface, name string, dryRun ...string) (*eventsv1.Event, error) {
	return client.EventsV1().Events(s.namespace).Create(ctx, newOurs(s.namespace, name), metav1.CreateOptions{DryRun: dryRun})
}

// createCore writes an event through core/v1.
func (s *scene) createCore(ctx context.Context, client kubernetes.Interface, name string, dryRun ...string) (*corev1.Event, error) {
	return client.CoreV1().Events(s.namespace).Create(ctx, newHosts(s.namespace, name), metav1.CreateOptions{DryRun: dryRun})
}

// mayWrite fails unless the user's event is taken, and is in both views with the
// answer.
func (s *scene) mayWrite(t *testing.T, user, name string) *eventsv1.Event {
	t.Helper()
	created, err := s.create(t.Context(), s.as(t, user), name)
	if err != nil {
		t.Errorf("%s creates an event: %v", user, err)
		return nil
	}
	s.sameNow(t, created)
	return created
}

// mayNotWrite fails unless events of the user are refused, by both APIs, in a dry
// run and for good, and the refusal is the wanted one.
func (s *scene) mayNotWrite(t *testing.T, user string, refusal func(error) error) {
	t.Helper()
	const name = "refused"
	client := s.as(t, user)
	// What is registered is in force when the servers have seen it.
	clustertest.Eventually(t, "core/v1 to refuse "+user, func(ctx context.Context) error {
		_, err := s.createCore(ctx, client, name, metav1.DryRunAll)
		return refusal(err)
	})
	clustertest.Eventually(t, "events.k8s.io to refuse "+user, func(ctx context.Context) error {
		_, err := s.create(ctx, client, name, metav1.DryRunAll)
		return refusal(err)
	})
	_, err := s.createCore(t.Context(), client, name)
	if err := refusal(err); err != nil {
		t.Errorf("%s creates an event in core/v1: %v", user, err)
	}
	_, err = s.create(t.Context(), client, name)
	if err := refusal(err); err != nil {
		t.Errorf("%s creates an event: %v", user, err)
	}
	s.isNowhere(t, name)
}

// isNowhere fails if either view has the event.
func (s *suite) isNowhereIn(t *testing.T, namespace, name string) {
	t.Helper()
	if _, err := s.Admin.CoreV1().Events(namespace).Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("core/v1 has %s, or does not answer: %v", name, err)
	}
	if _, err := s.Admin.EventsV1().Events(namespace).Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("events.k8s.io has %s, or does not answer: %v", name, err)
	}
}

func (s *scene) isNowhere(t *testing.T, name string) {
	t.Helper()
	s.isNowhereIn(t, s.namespace, name)
}

// The rules by which policies and webhooks choose events.
func coreRule(operations ...admissionregistrationv1.OperationType) admissionregistrationv1.RuleWithOperations {
	return eventsRule(corev1.GroupName, operations)
}

func oursRule() admissionregistrationv1.RuleWithOperations {
	return eventsRule(events.GroupName, nil)
}

func eventsRule(group string, operations []admissionregistrationv1.OperationType) admissionregistrationv1.RuleWithOperations {
	if len(operations) == 0 {
		operations = []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update}
	}
	return admissionregistrationv1.RuleWithOperations{
		Operations: operations,
		Rule:       admissionregistrationv1.Rule{APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: []string{"events"}},
	}
}

func named(rules []admissionregistrationv1.RuleWithOperations) []admissionregistrationv1.NamedRuleWithOperations {
	result := make([]admissionregistrationv1.NamedRuleWithOperations, 0, len(rules))
	for _, rule := range rules {
		result = append(result, admissionregistrationv1.NamedRuleWithOperations{RuleWithOperations: rule})
	}
	return result
}

// ownNamespace limits what a case registers to its namespace.
func (s *scene) ownNamespace() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}}
}

// deleteAfter deletes what a case has registered under the scene's name.
func (s *scene) deleteAfter(t *testing.T, remove func(context.Context, string, metav1.DeleteOptions) error) {
	t.Helper()
	t.Cleanup(func() {
		if err := remove(context.Background(), s.namespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// notOurAccount is the condition that docs/host-events.md gives to operators: the
// policy is asked about the user once, and not about the mirrored write.
func notOurAccount() []admissionregistrationv1.MatchCondition {
	return []admissionregistrationv1.MatchCondition{{
		Name:       "not-the-mirrored-write",
		Expression: `request.userInfo.username != "system:serviceaccount:events-apiserver:events-apiserver"`,
	}}
}

// anyStatus is for refusals whose code does not matter.
const anyStatus = 0

// withStatus returns an error unless one is refused with the code and the text.
func withStatus(code int32, text string) func(error) error {
	return func(err error) error {
		var status apierrors.APIStatus
		switch {
		case err == nil:
			return errors.New("not refused")
		case !errors.As(err, &status) || code != anyStatus && status.Status().Code != code:
			return fmt.Errorf("refused, but not with %d: %w", code, err)
		case !strings.Contains(status.Status().Message, text):
			return fmt.Errorf("refused, but not with %q: %w", text, err)
		}
		return nil
	}
}
