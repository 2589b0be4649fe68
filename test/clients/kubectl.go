// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// resource is what a person must write: the short name "events" is core/v1's.
const resource = "events.events.k8s.io"

func testKubectl(t *testing.T, s *suite) {
	testKubectlProgram(t, s, filepath.Join(s.Config().ToolsDir, "kubectl"), "kubectl-same")
}

// testOtherKubectl does the same with a kubectl of this machine that is older or
// newer than the cluster.
func testOtherKubectl(t *testing.T, s *suite) {
	serverVersion, err := s.Version()
	if err != nil {
		t.Fatal(err)
	}
	server := version.MustParseGeneric(serverVersion)
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		program, err := exec.LookPath(filepath.Join(dir, "kubectl"))
		if err != nil {
			continue
		}
		client := kubectlVersion(t, program)
		if client.Major() == server.Major() && client.Minor() == server.Minor() {
			t.Logf("%s is %s, as the cluster", program, client)
			continue
		}
		t.Logf("%s is %s, the cluster %s", program, client, server)
		testKubectlProgram(t, s, program, "kubectl-other")
		return
	}
	t.Skipf("no kubectl of another minor than %d.%d is on the PATH; put one there to run this part", server.Major(), server.Minor())
}

func kubectlVersion(t *testing.T, program string) *version.Version {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), program, "version", "--client", "--output=json").Output()
	if err != nil {
		t.Fatalf("asking %s for its version: %v", program, err)
	}
	var said struct {
		ClientVersion struct {
			GitVersion string `json:"gitVersion"`
		} `json:"clientVersion"`
	}
	if err := json.Unmarshal(output, &said); err != nil {
		t.Fatalf("the version of %s: %v\n%s", program, err, output)
	}
	parsed, err := version.ParseGeneric(said.ClientVersion.GitVersion)
	if err != nil {
		t.Fatalf("the version of %s: %v", program, err)
	}
	return parsed
}

func testKubectlProgram(t *testing.T, s *suite, program, namespacePrefix string) {
	for name, run := range map[string]func(*testing.T, *kubectl){
		"discover":          kubectlDiscovers,
		"get":               kubectlGets,
		"list":              kubectlLists,
		"watch":             kubectlWatches,
		"create-and-delete": kubectlCreatesAndDeletes,
		"change":            kubectlChanges,
		"client-side-apply": kubectlAppliesClientSide,
		"server-side-apply": kubectlAppliesServerSide,
		"wait":              kubectlWaits,
	} {
		t.Run(name, func(t *testing.T) {
			run(t, newKubectl(t, s.Cluster.Cluster, program, s.MakeNamespace(t, namespacePrefix+"-"+name)))
		})
	}
}

// kubectl is a kubectl whose user works in one namespace.
type kubectl struct {
	program   string
	namespace string
	env       []string
}

func newKubectl(t *testing.T, c *cluster.Cluster, program, namespace string) *kubectl {
	t.Helper()
	return &kubectl{
		program:   program,
		namespace: namespace,
		// The person at this machine keeps an own discovery cache.
		env: append(os.Environ(), "KUBECONFIG="+c.AdminKubeconfig(), "KUBECACHEDIR="+t.TempDir()),
	}
}

func (k *kubectl) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.program, append([]string{"--namespace=" + k.namespace}, args...)...)
	cmd.Env = k.env
	return cmd
}

// run returns what kubectl prints, and fails the test if it fails.
func (k *kubectl) run(t *testing.T, args ...string) string {
	t.Helper()
	output, err := k.command(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// refused returns what kubectl prints when it fails, as it must.
func (k *kubectl) refused(t *testing.T, args ...string) string {
	t.Helper()
	output, err := k.command(t, args...).CombinedOutput()
	if err == nil {
		t.Errorf("kubectl %s: was not refused", strings.Join(args, " "))
	}
	return string(output)
}

// field returns one field of the event a.
func (k *kubectl) field(t *testing.T, path string) string {
	t.Helper()
	return k.run(t, "get", resource, "a", "--output=jsonpath={"+path+"}")
}

// expect checks that the output has all texts, each after the one before.
func expect(t *testing.T, output string, wants ...string) {
	t.Helper()
	rest := output
	for _, want := range wants {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Errorf("no %q, or not in its place, in:\n%s", want, output)
			return
		}
		rest = after
	}
}

// manifest is an event as a person would write it.
const manifest = `apiVersion: events.k8s.io/v1
kind: Event
metadata:
  name: NAME
  labels:
    name: NAME
eventTime: "2026-01-02T03:04:05.000006Z"
reportingController: example.com/controller
reportingInstance: controller-1
action: Start
reason: Started
type: Normal
note: NAME runs
regarding:
  kind: Pod
  namespace: NAMESPACE
  name: pod-NAME
  uid: uid-NAME
`

// file writes an event called name and returns the file; changes are pairs of
// a text in the manifest and what to put in its place.
func (k *kubectl) file(t *testing.T, name string, changes ...string) string {
	t.Helper()
	content := strings.NewReplacer(changes...).Replace(manifest)
	content = strings.NewReplacer("NAMESPACE", k.namespace, "NAME", name).Replace(content)
	file := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (k *kubectl) create(t *testing.T, name string, changes ...string) {
	t.Helper()
	expect(t, k.run(t, "create", "--filename="+k.file(t, name, changes...)), "event.events.k8s.io/"+name+" created")
}
