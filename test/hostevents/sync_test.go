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
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

func TestSync(t *testing.T) {
	for _, store := range []string{cluster.StoreEmbedded, cluster.StoreEtcd} {
		t.Run(store, func(t *testing.T) {
			s := start(t, store, "--v=2")
			for _, part := range []struct {
				name string
				run  func(*testing.T, *suite)
			}{
				{"writes through ours", testOurs},
				{"writes through the host", testHosts},
				{"finalizers", testFinalizers},
				{"echoes", testEchoes},
				{"dry run", testDryRun},
				{"refusals", testRefusals},
				{"restart", testRestart},
				{"status", testStatus},
			} {
				t.Run(part.name, func(t *testing.T) { part.run(t, s) })
			}
		})
	}
}

// sameNow fails unless the host has the very event that ours has answered with.
func (s *suite) sameNow(t *testing.T, ours *eventsv1.Event) {
	t.Helper()
	host, err := s.admin.CoreV1().Events(ours.Namespace).Get(t.Context(), ours.Name, metav1.GetOptions{})
	if err != nil {
		t.Errorf("not in core/v1 when the client had its answer: %v", err)
		return
	}
	if err := compareEvents(host, ours); err != nil {
		t.Error(err)
	}
}

func testOurs(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "ours")
	client := s.admin.EventsV1().Events(namespace)
	created, err := client.Create(t.Context(), newOurs(namespace, "a"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, created)
	if listed, err := s.admin.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "source=example.com/controller"}); err != nil || len(listed.Items) != 1 {
		t.Errorf("the host lists %d events of the controller, %v; want 1", len(listed.Items), err)
	}

	created.Series = &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()}
	created.Labels["more"] = "yes"
	updated, err := client.Update(t.Context(), created, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, updated)

	patched, err := client.Patch(t.Context(), "a", types.StrategicMergePatchType, []byte(`{"series":{"count":5}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if patched.Series.Count != 5 {
		t.Errorf("patched to a count of %d", patched.Series.Count)
	}
	s.sameNow(t, patched)

	apply := []byte(`{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"a","namespace":"ours","annotations":{"applied":"yes"}}}`)
	applied, err := client.Patch(t.Context(), "a", types.ApplyPatchType, apply, metav1.PatchOptions{FieldManager: "applier"})
	if err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, applied)

	stale := created.DeepCopy()
	if _, err := client.Update(t.Context(), stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("an update of an old version: got %v, want a conflict", err)
	}
	made, err := client.Update(t.Context(), newOurs(namespace, "put"), metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, made)
	if err := client.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.CoreV1().Events(namespace).Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("after the deletion core/v1 answers %v", err)
	}
	for i := range 20 {
		if _, err := client.Create(t.Context(), newOurs(namespace, fmt.Sprintf("many-%d", i)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	if left, err := s.admin.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(left.Items) != 0 {
		t.Errorf("core/v1 still has %d events, %v", len(left.Items), err)
	}
}

func testHosts(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "hosts")
	client := s.admin.CoreV1().Events(namespace)
	for i := range 10 {
		if _, err := client.Create(t.Context(), newHosts(namespace, fmt.Sprintf("h-%d", i)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.equalViews(t, namespace)); n != 10 {
		t.Errorf("%d events", n)
	}
	if _, err := client.Patch(t.Context(), "h-1", types.MergePatchType, []byte(`{"count":7,"message":"again"}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.Delete(t.Context(), "h-2", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.equalViews(t, namespace)
	// Ours changes what came from the host, and the host what came from ours.
	patched, err := s.admin.EventsV1().Events(namespace).Patch(t.Context(), "h-1", types.MergePatchType, []byte(`{"metadata":{"labels":{"seen":"yes"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, patched)
	if _, err := s.admin.EventsV1().Events(namespace).Create(t.Context(), newOurs(namespace, "both"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := client.Patch(t.Context(), "both", types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"host":"%d"}}}`, i), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.admin.EventsV1().Events(namespace).Patch(t.Context(), "both", types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"ours":"%d"}}}`, i), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, event := range s.equalViews(t, namespace) {
		if event.Name == "both" && (event.Labels["host"] != "4" || event.Labels["ours"] != "4") {
			t.Errorf("a write was lost: %v", event.Labels)
		}
	}
	// Deleted there, made here, at once.
	for range 5 {
		if err := client.Delete(t.Context(), "both", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		made, err := s.admin.EventsV1().Events(namespace).Create(t.Context(), newOurs(namespace, "both"), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s.sameNow(t, made)
	}
	s.equalViews(t, namespace)
}

// What is mirrored comes back by the watch and must change nothing.
func testEchoes(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "echoes")
	client := s.admin.EventsV1().Events(namespace)
	before, err := client.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watching, err := client.Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Stop()
	const n = 50
	want := map[watch.EventType]int{watch.Added: n + 1, watch.Modified: n, watch.Deleted: n}
	for i := range n {
		name := fmt.Sprintf("e-%d", i)
		created, err := client.Create(t.Context(), newOurs(namespace, name), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		created.Series = &eventsv1.EventSeries{Count: 2, LastObservedTime: metav1.NowMicro()}
		if _, err := client.Update(t.Context(), created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := client.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	// The host tells of its changes in order: with this one all echoes have been.
	if _, err := s.admin.CoreV1().Events(namespace).Create(t.Context(), newHosts(namespace, "last"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	got := map[watch.EventType]int{}
	for event := range watching.ResultChan() {
		got[event.Type]++
		if seen, ok := event.Object.(*eventsv1.Event); ok && seen.Name == "last" {
			break
		}
	}
	for kind := range want {
		if got[kind] != want[kind] {
			t.Errorf("%d watch events %s, want %d", got[kind], kind, want[kind])
		}
	}
	s.equalViews(t, namespace)
}

func testDryRun(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "dry")
	client := s.admin.EventsV1().Events(namespace)
	dry := []string{metav1.DryRunAll}
	if _, err := client.Create(t.Context(), newOurs(namespace, "a"), metav1.CreateOptions{DryRun: dry}); err != nil {
		t.Fatal(err)
	}
	created, err := client.Create(t.Context(), newOurs(namespace, "b"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Patch(t.Context(), "b", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`), metav1.PatchOptions{DryRun: dry}); err != nil {
		t.Fatal(err)
	}
	if err := client.Delete(t.Context(), "b", metav1.DeleteOptions{DryRun: dry}); err != nil {
		t.Fatal(err)
	}
	if err := client.DeleteCollection(t.Context(), metav1.DeleteOptions{DryRun: dry}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	s.sameNow(t, created)
	if n := len(s.equalViews(t, namespace)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	// The host's word counts in dry runs, too: the name is taken there, and the
	// event may not have come in yet.
	if _, err := s.admin.CoreV1().Events(namespace).Create(t.Context(), newHosts(namespace, "taken"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), newOurs(namespace, "taken"), metav1.CreateOptions{DryRun: dry}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a dry run with a name that the host has: got %v, want AlreadyExists", err)
	}
}

func testRefusals(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "refusals")
	client := s.admin.EventsV1().Events(namespace)
	if _, err := s.admin.CoreV1().Events(namespace).Create(t.Context(), newHosts(namespace, "taken"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := client.Create(t.Context(), newOurs(namespace, "taken"), metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) || !strings.Contains(err.Error(), `events.events.k8s.io "taken" already exists`) {
		t.Errorf("a name that the host has: got %v", err)
	}
	s.refuseInHost(t, namespace)
	for what, options := range map[string]metav1.CreateOptions{"a creation": {}, "a dry run": {DryRun: []string{metav1.DryRunAll}}} {
		_, err := client.Create(t.Context(), newOurs(namespace, "b"), options)
		if !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "not in this house") {
			t.Errorf("%s that a policy of the host refuses: got %v", what, err)
		}
	}
	if _, err := client.Get(t.Context(), "b", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("what the host refused is stored: %v", err)
	}
	s.equalViews(t, namespace)
}

// refuseInHost makes a policy that refuses core/v1 events of a namespace, and
// waits until it is in force. It does not match events.k8s.io.
func (s *suite) refuseInHost(t *testing.T, namespace string) {
	t.Helper()
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "house"},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{
				ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
					Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"events"}},
				}}},
				MatchPolicy: ptr.To(admissionregistrationv1.Exact),
			},
			Validations: []admissionregistrationv1.Validation{{Expression: fmt.Sprintf("object.metadata.namespace != %q", namespace), Message: "not in this house"}},
		},
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "house"},
		Spec:       admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: "house", ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}},
	}
	if _, err := s.admin.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the policy to be in force", func(ctx context.Context) error {
		_, err := s.admin.CoreV1().Events(namespace).Create(ctx, newHosts(namespace, "x"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
			return errors.Join(errors.New("not refused as invalid or forbidden"), err)
		}
		return nil
	})
}

// A restart goes on where it stopped, and nothing is taken in twice.
func testRestart(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "restart")
	client := s.admin.CoreV1().Events(namespace)
	for i := range 20 {
		if _, err := client.Create(t.Context(), newHosts(namespace, fmt.Sprintf("before-%d", i)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s.equalViews(t, namespace)
	versions := s.versions(t, namespace)
	s.restart(t, cluster.EventsAPIServer, (*cluster.Component).Stop, func() {
		for i := range 20 {
			if _, err := client.Create(t.Context(), newHosts(namespace, fmt.Sprintf("while-%d", i)), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.Delete(t.Context(), "before-3", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Patch(t.Context(), "before-4", types.MergePatchType, []byte(`{"count":9}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	if n := len(s.equalViews(t, namespace)); n != 39 {
		t.Errorf("%d events, want 39", n)
	}
	after := s.versions(t, namespace)
	for name, version := range versions {
		if name != "before-3" && name != "before-4" && after[name] != version {
			t.Errorf("%s was stored again: version %s, now %s", name, version, after[name])
		}
	}
}

func (s *suite) versions(t *testing.T, namespace string) map[string]string {
	t.Helper()
	list, err := s.admin.EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for i := range list.Items {
		versions[list.Items[i].Name] = list.Items[i].ResourceVersion
	}
	return versions
}

func testStatus(t *testing.T, s *suite) {
	direct := s.direct(t).Discovery().RESTClient()
	text, err := direct.Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"events_apiserver_host_events_leader 1\n", "events_apiserver_host_events_connected 1\n", "events_apiserver_host_events_host_available 1\n", "events_apiserver_host_events_queue_length 0\n", "events_apiserver_host_events_ingested_total "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("/metrics has no %q", want)
		}
	}
	lease, err := s.admin.CoordinationV1().Leases("events-apiserver").Get(t.Context(), "host-events", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		t.Errorf("nobody holds the lease: %v, %v", lease.Spec.HolderIdentity, err)
	}
}

// A finalizer keeps a deleted event in both views until it is taken off in one.
func testFinalizers(t *testing.T, s *suite) {
	namespace := s.makeNamespace(t, "finalizers")
	client := s.admin.EventsV1().Events(namespace)
	for _, name := range []string{"off-in-ours", "off-in-hosts"} {
		event := newOurs(namespace, name)
		event.Finalizers = []string{"example.com/wait"}
		if _, err := client.Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := client.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, event := range s.equalViews(t, namespace) {
		if event.DeletionTimestamp == nil {
			t.Errorf("%s is not marked as deleted", event.Name)
		}
	}
	off := []byte(`{"metadata":{"finalizers":null}}`)
	if _, err := client.Patch(t.Context(), "off-in-ours", types.MergePatchType, off, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.CoreV1().Events(namespace).Patch(t.Context(), "off-in-hosts", types.MergePatchType, off, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.equalViews(t, namespace)); n != 0 {
		t.Errorf("%d events are left", n)
	}
}
