// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for text, w := range map[string]wanted{
		"v1.36.0":         want(OK, "v1.36.0"),
		"v1.37.2-gke.100": want(OK, "v1.37.2-gke.100"),
		"v1.35.9":         want(Problem, "v1.35.9", "MutatingAdmissionPolicies", "1.36"),
		"other":           want(Warning, `"other"`),
	} {
		c := newFakeCluster()
		c.version(text)
		compare(t, run(t, checkVersion, c, Options{}), w)
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	c := newFakeCluster()
	compare(t, run(t, checkRights, c, Options{}), want(OK, "every right"))
	c.denied["create events"], c.denied["update events"], c.denied["get leases"] = true, true, true
	compare(t, run(t, checkRights, c, Options{}),
		want(Problem, "may not create, update events in all namespaces", "artifacts/base/access"),
		want(Problem, "may not get leases.coordination.k8s.io/host-events in namespace events-apiserver"))
	c.forbid("create", "subjectaccessreviews")
	compare(t, run(t, checkRights, c, Options{}), want(Warning, "not checked"))
}

// The checked rights are those that the manifests grant, except for those of roles of
// Kubernetes itself.
func TestRights_AreThoseOfTheManifests(t *testing.T) {
	t.Parallel()
	given := map[string]bool{}
	for _, file := range []string{"cluster-role.yaml", "host-events-lease.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "artifacts", "base", "access", file))
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			role := rbacv1.ClusterRole{}
			if err := yaml.Unmarshal([]byte(document), &role); err != nil {
				t.Fatal(err)
			}
			for _, rule := range role.Rules {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						given[strings.Join([]string{verb, rule.APIGroups[0], resource, strings.Join(rule.ResourceNames, ",")}, " ")] = true
					}
				}
			}
		}
	}
	asked := map[string]bool{}
	for _, right := range rights() {
		if right.group == "authentication.k8s.io" || right.group == "authorization.k8s.io" || right.resource == "configmaps" {
			continue // of system:auth-delegator and extension-apiserver-authentication-reader
		}
		for _, verb := range right.verbs {
			asked[strings.Join([]string{verb, right.group, right.resource, right.name}, " ")] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(given)); !slices.Equal(got, want) {
		t.Errorf("checked\n%s\nbut the manifests grant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func flowSchema(name string, precedence int32, level string, subject flowcontrolv1.Subject) *flowcontrolv1.FlowSchema {
	return &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: flowcontrolv1.FlowSchemaSpec{
			MatchingPrecedence: precedence, PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: level},
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects:      []flowcontrolv1.Subject{subject},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{"*"}, ClusterScope: true}},
			}},
		},
	}
}

func TestFlowControl(t *testing.T) {
	t.Parallel()
	accounts := flowcontrolv1.Subject{Kind: flowcontrolv1.SubjectKindGroup, Group: &flowcontrolv1.GroupSubject{Name: "system:serviceaccounts"}}
	account := flowcontrolv1.Subject{Kind: flowcontrolv1.SubjectKindServiceAccount, ServiceAccount: &flowcontrolv1.ServiceAccountSubject{Namespace: testAccount().Namespace, Name: testAccount().Name}}
	ofNamespace := flowcontrolv1.Subject{Kind: flowcontrolv1.SubjectKindServiceAccount, ServiceAccount: &flowcontrolv1.ServiceAccountSubject{Namespace: testAccount().Namespace, Name: "*"}}
	stock := flowSchema("service-accounts", 9000, "workload-low", accounts)
	shared := []wanted{want(Warning, "FlowSchema/service-accounts", "creates of events", "flow-control.yaml"), want(Warning, "creates of subjectaccessreviews")}
	eventsAlone := flowSchema("events-apiserver", 50, "events-apiserver", account)
	eventsAlone.Spec.Rules[0].ResourceRules[0].Resources = []string{"events"}
	for name, tt := range map[string]struct {
		schemas []runtime.Object
		want    []wanted
	}{
		"stock":                {[]runtime.Object{stock}, shared},
		"own":                  {[]runtime.Object{stock, flowSchema("events-apiserver", 50, "events-apiserver", account)}, []wanted{want(OK, "of their own")}},
		"own, too late":        {[]runtime.Object{stock, flowSchema("z", 9000, "events-apiserver", account)}, shared},
		"own, with others":     {[]runtime.Object{stock, flowSchema("a", 50, "workload-low", account)}, []wanted{want(Warning, "FlowSchema/a"), want(Warning, "FlowSchema/a")}},
		"of the namespace":     {[]runtime.Object{stock, flowSchema("a", 50, "own", ofNamespace)}, []wanted{want(Warning, "FlowSchema/a"), want(Warning, "FlowSchema/a")}},
		"exempt":               {[]runtime.Object{stock, flowSchema("a", 50, "exempt", account)}, []wanted{want(OK)}},
		"own, for events only": {[]runtime.Object{stock, eventsAlone}, []wanted{want(Warning, "creates of subjectaccessreviews")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, run(t, checkFlowControl, newFakeCluster(tt.schemas...), Options{}), tt.want...)
		})
	}
	c := newFakeCluster()
	c.forbid("list", "flowschemas")
	compare(t, run(t, checkFlowControl, c, Options{}), want(Warning, "not checked"))
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	c := newFakeCluster()
	compare(t, run(t, checkRateLimit, c, Options{}), want(OK, "off"))
	c.paths["/metrics"] += `apiserver_admission_controller_admission_duration_seconds_count{name="NamespaceLifecycle",operation="CREATE",rejected="false",type="admit"} 4` + "\n"
	compare(t, run(t, checkRateLimit, c, Options{}), want(OK, "off"))
	c.paths["/metrics"] += `apiserver_admission_controller_admission_duration_seconds_count{name="EventRateLimit",operation="CREATE",rejected="false",type="validate"} 4` + "\n"
	compare(t, run(t, checkRateLimit, c, Options{}), want(Warning, "EventRateLimit", "SourceAndObject"))
	delete(c.paths, "/metrics")
	compare(t, run(t, checkRateLimit, c, Options{}), want(Warning, "not checked"))
}

// A probe writes the configured number of events, counts those that are rejected, and deletes
// the others.
func TestRateLimit_Probe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		allowed int
		want    wanted
	}{
		"limited":     {5, want(Problem, "of 20 events", "15 were refused", "limit reached on type User", "SourceAndObject")},
		"not limited": {100, want(OK, "20 events were written")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFakeCluster()
			writes := 0
			c.client.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
				writes++
				if writes > tt.allowed {
					return true, nil, apierrors.NewTooManyRequestsError("limit reached on type User for key x")
				}
				return false, nil, nil
			})
			compare(t, run(t, checkRateLimit, c, Options{ProbeWrites: 20}), want(OK), tt.want)
			if writes != 20 {
				t.Errorf("%d writes, want 20", writes)
			}
			left, err := c.client.CoreV1().Events(metav1.NamespaceAll).List(t.Context(), metav1.ListOptions{})
			if err != nil || len(left.Items) != 0 {
				t.Errorf("%d events are left, %v", len(left.Items), err)
			}
		})
	}
	c := newFakeCluster()
	c.forbid("create", "events")
	compare(t, run(t, checkRateLimit, c, Options{ProbeWrites: 20}), want(OK), want(Warning, "not checked"))
}

func TestResourceVersions(t *testing.T) {
	t.Parallel()
	const toService = `{"spec":{"group":"events.k8s.io","service":{"name":"events-apiserver"}}}`
	for name, tt := range map[string]struct {
		registration, hosts, ours string
		want                      wanted
	}{
		"not registered": {`{"spec":{}}`, "1", "2", want(OK, "own")},
		"below":          {toService, "200", "100", want(OK, "below")},
		"equal":          {toService, "200", "200", want(Warning, "is 200", "given back")},
		"above":          {toService, "200", "1000", want(Warning, "is 1000", "that of kube-apiserver 200")},
		"no numbers":     {toService, "x", "1", want(Warning, "no numbers")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFakeCluster()
			c.paths[registration] = tt.registration
			c.client.PrependReactor("list", "events", func(action clienttesting.Action) (bool, runtime.Object, error) {
				if action.GetResource().Group == eventsv1.GroupName {
					return true, &eventsv1.EventList{ListMeta: metav1.ListMeta{ResourceVersion: tt.ours}}, nil
				}
				return true, &corev1.EventList{ListMeta: metav1.ListMeta{ResourceVersion: tt.hosts}}, nil
			})
			compare(t, run(t, checkResourceVersions, c, Options{}), tt.want)
		})
	}
}

// TestRun makes all checks and expects that they change nothing.
func TestRun(t *testing.T) {
	t.Parallel()
	c := newFakeCluster()
	findings, err := Run(t.Context(), c.cluster(), Options{Account: testAccount()})
	if err != nil {
		t.Fatal(err)
	}
	var checks []string
	for _, finding := range findings {
		checks = append(checks, finding.Check+" "+string(finding.Level))
	}
	if got, want := strings.Join(checks, ", "), "host-version ok, rights ok, admission ok, flow-control ok, event-rate-limit ok, resource-versions ok"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, action := range c.client.Actions() {
		if verb, resource := action.GetVerb(), action.GetResource().Resource; verb != "get" && verb != "list" && !strings.HasSuffix(resource, "reviews") {
			t.Errorf("it makes a %s of %s", verb, resource)
		}
	}
}
