// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

const otherCA = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmIzUm9aWEp6Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K"

// The two valid installations, one for each store.
const (
	embedded = "testdata/embedded.yaml"
	etcd     = "testdata/etcd.yaml"
)

// change is one change of a valid installation, and the report that it must lead to.
type change struct {
	name, old, new string
	want           string
}

// testChanges fails the test unless each change, and nothing else, is reported.
func testChanges(t *testing.T, file string, tests []change) {
	t.Helper()
	good := readFile(t, file)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.old != "" && strings.Count(good, tt.old) != 1 {
				t.Fatalf("%s must have %q exactly once", file, tt.old)
			}
			got := problems(strings.Replace(good, tt.old, tt.new, 1))
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("want no problem, got %q", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("want one problem with %q, got %q", tt.want, got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := readFile(t, embedded)
	caBundle := strings.TrimSpace(strings.Split(strings.SplitAfter(good, "caBundle:")[1], "\n")[0])

	testChanges(t, embedded, []change{
		{name: "good"},
		{
			name: "registration undone at restart",
			old:  `automanaged: "false"`, new: `automanaged: onstart`,
			want: "APIService v1.events.k8s.io: label kube-aggregator.kubernetes.io/automanaged is \"onstart\"",
		},
		{
			name: "registration missed by the selector",
			old:  "component: registration", new: "component: other",
			want: "APIService v1.events.k8s.io: label app.kubernetes.io/component is \"other\"",
		},
		{
			name: "no registration",
			old:  "name: v1.events.k8s.io", new: "name: v1beta1.events.k8s.io",
			want: "APIService v1.events.k8s.io is missing",
		},
		{
			name: "certificate not verified",
			old:  "versionPriority: 15", new: "versionPriority: 15\n  insecureSkipTLSVerify: true",
			want: `APIService v1.events.k8s.io: error unmarshaling JSON: while decoding JSON: json: unknown field "insecureSkipTLSVerify"`,
		},
		{
			name: "no CA",
			old:  "  caBundle: " + caBundle + "\n", new: "",
			want: "APIService v1.events.k8s.io: spec.caBundle has no certificate",
		},
		{
			name: "CA that is not a certificate",
			old:  "caBundle: " + caBundle, new: "caBundle: ZXZlbnRz",
			want: "APIService v1.events.k8s.io: spec.caBundle has no certificate",
		},
		{
			name: "CA of another certificate",
			old:  "caBundle: " + caBundle, new: "caBundle: " + otherCA,
			want: "APIService v1.events.k8s.io: spec.caBundle is not ca.crt of Secret events-apiserver/serving-cert",
		},
		{
			name: "CA from a Certificate that is missing",
			old:  "name: v1.events.k8s.io", new: "name: v1.events.k8s.io\n  annotations: {cert-manager.io/inject-ca-from: events-apiserver/made}",
			want: "APIService v1.events.k8s.io: needs Certificate events-apiserver/made",
		},
		{
			name: "service missing",
			old:  "    name: server\n    port: 443", new: "    name: other\n    port: 443",
			want: "APIService v1.events.k8s.io: needs Service events-apiserver/other",
		},
		{
			name: "service port missing",
			old:  "    name: server\n    port: 443", new: "    name: server\n    port: 444",
			want: "APIService v1.events.k8s.io: Service events-apiserver/server has no port 444",
		},
		{
			name: "service selects no pod",
			old:  "selector:\n    app: server", new: "selector:\n    app: other",
			want: "APIService v1.events.k8s.io: Service events-apiserver/server does not lead to a container port 10250",
		},
		{
			name: "container port not open",
			old:  "containerPort: 10250", new: "containerPort: 8443",
			want: "APIService v1.events.k8s.io: Service events-apiserver/server does not lead to a container port 10250",
		},
		{
			name: "misspelt field",
			old:  "runAsNonRoot", new: "runAsNoRoot",
			want: `unknown field "runAsNoRoot"`,
		},
		{
			name: "unknown kind",
			old:  "kind: Secret", new: "kind: Secrecy",
			want: "v1 Secrecy is not supported",
		},
		{
			name: "same object twice",
			old:  "---\napiVersion: v1\nkind: ServiceAccount", new: "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: events-apiserver\n---\napiVersion: v1\nkind: ServiceAccount",
			want: "Namespace events-apiserver is defined twice",
		},
		{
			name: "subject missing",
			old:  "    name: server\n    namespace: events-apiserver\n---", new: "    name: other\n    namespace: events-apiserver\n---",
			want: "RoleBinding kube-system/reader: needs ServiceAccount events-apiserver/other",
		},
		{
			name: "namespace missing",
			old:  "name: server\n  namespace: events-apiserver\nspec:\n  maxUnavailable", new: "name: server\n  namespace: other\nspec:\n  maxUnavailable",
			want: "PodDisruptionBudget other/server: needs Namespace other",
		},
		{
			name: "priority level missing",
			old:  "priorityLevelConfiguration:\n    name: inner", new: "priorityLevelConfiguration:\n    name: other",
			want: "FlowSchema inner: needs PriorityLevelConfiguration other",
		},
		{
			name: "stock flow schema first",
			old:  "matchingPrecedence: 50", new: "matchingPrecedence: 9000",
			want: "FlowSchema inner: matchingPrecedence is 9000",
		},
		{
			name: "flow schema for nobody",
			old:  "        - kind: ServiceAccount\n          serviceAccount: {namespace: events-apiserver, name: server}", new: "        - kind: User\n          user: {name: server}",
			want: "Deployment events-apiserver/server: no FlowSchema names ServiceAccount events-apiserver/server",
		},
		{
			name: "private key of the CA",
			old:  "ca.crt: " + caBundle, new: "ca.crt: " + caBundle + "\n  ca.key: a2V5",
			want: "Secret events-apiserver/serving-cert: has the CA's private key",
		},
		{
			name: "service account missing",
			old:  "serviceAccountName: server", new: "serviceAccountName: other",
			want: "Deployment events-apiserver/server: needs ServiceAccount events-apiserver/other",
		},
		{
			name: "secret missing",
			old:  "secretName: serving-cert", new: "secretName: other",
			want: "Deployment events-apiserver/server: needs Secret events-apiserver/other",
		},
		{
			name: "claim missing",
			old:  "claimName: data", new: "claimName: other",
			want: "Deployment events-apiserver/server: needs PersistentVolumeClaim events-apiserver/other",
		},
		{
			name: "root allowed",
			old:  "runAsNonRoot: true", new: "runAsNonRoot: false",
			want: "Deployment events-apiserver/server: securityContext.runAsNonRoot is not true",
		},
		{
			name: "system calls not filtered",
			old:  "type: RuntimeDefault", new: "type: Unconfined",
			want: "Deployment events-apiserver/server: securityContext.seccompProfile is not RuntimeDefault",
		},
		{
			name: "writable root",
			old:  "readOnlyRootFilesystem: true", new: "readOnlyRootFilesystem: false",
			want: "Deployment events-apiserver/server: container server: securityContext.readOnlyRootFilesystem",
		},
		{
			name: "privilege escalation",
			old:  "allowPrivilegeEscalation: false", new: "allowPrivilegeEscalation: true",
			want: "Deployment events-apiserver/server: container server: securityContext.allowPrivilegeEscalation",
		},
		{
			name: "capability added",
			old:  "drop: [ALL]", new: "drop: [ALL]\n              add: [NET_ADMIN]",
			want: "Deployment events-apiserver/server: container server: securityContext.capabilities",
		},
		{
			name: "no memory limit",
			old:  "memory: 1Gi", new: "cpu: 1",
			want: "Deployment events-apiserver/server: container server: resources",
		},
	})
}

// TestStockAPIService compares with what kube-apiserver itself writes for the group; with any other content the group would not be
// returned permanently. Our own object keeps the same position in discovery.
func TestStockAPIService(t *testing.T) {
	t.Parallel()
	stock := readAPIService(t, "../apiservice-stock.yaml")
	if len(stock.Labels) != 1 || stock.Labels[automanagedLabel] != "onstart" {
		t.Errorf("labels are %v, want only %s: onstart", stock.Labels, automanagedLabel)
	}
	if stock.Spec.Service != nil || len(stock.Spec.CABundle) > 0 {
		t.Errorf("the stock object has no service and no caBundle, got %+v", stock.Spec)
	}

	ours := readAPIService(t, "../base/registration/apiservice.yaml")
	want := ours.Spec
	want.Service = nil
	if got := stock.Spec; got.Group != want.Group || got.Version != want.Version ||
		got.GroupPriorityMinimum != want.GroupPriorityMinimum || got.VersionPriority != want.VersionPriority {
		t.Errorf("group, version and priorities differ:\nstock %+v\nours  %+v", got, want)
	}
	if stock.Spec.GroupPriorityMinimum != 17750 || stock.Spec.VersionPriority != 15 {
		t.Errorf("priorities are %d and %d, want 17750 and 15", stock.Spec.GroupPriorityMinimum, stock.Spec.VersionPriority)
	}
}

func problems(rendered string) []string {
	objects, err := parse([]byte(rendered))
	if err != nil {
		return []string{err.Error()}
	}
	return check(objects)
}

func readAPIService(t *testing.T, path string) *apiService {
	t.Helper()
	objects, err := parse([]byte(readFile(t, path)))
	if err != nil {
		t.Fatalf("parsing %s: %v", path, err)
	}
	service, ok := objects[reference{kind: "APIService", name: "v1.events.k8s.io"}].(*apiService)
	if !ok {
		t.Fatalf("%s has no APIService v1.events.k8s.io", path)
	}
	return service
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading a manifest: %v", err)
	}
	return string(content)
}
