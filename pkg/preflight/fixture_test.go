// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func testAccount() Account { return Account{Namespace: "events-apiserver", Name: "events-apiserver"} }

// fakeCluster is a cluster with some objects, in which the account has all rights.
type fakeCluster struct {
	client *fake.Clientset
	// paths are the bodies that Get returns. Other paths are forbidden.
	paths map[string]string
	// denied are the rights that the account lacks, as "verb resource".
	denied map[string]bool
}

func newFakeCluster(objects ...runtime.Object) *fakeCluster {
	c := &fakeCluster{
		client: fake.NewClientset(objects...),
		paths: map[string]string{
			"/metrics":   "# nothing\n",
			registration: `{"spec":{"group":"events.k8s.io"}}`,
		},
		denied: map[string]bool{},
	}
	c.version("v1.37.2")
	c.client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy() //nolint:forcetypeassert // only these are created
		asked := review.Spec.ResourceAttributes
		review.Status.Allowed = review.Spec.User == testAccount().Username() && !c.denied[asked.Verb+" "+asked.Resource]
		return true, review, nil
	})
	return c
}

func (c *fakeCluster) version(text string) {
	c.client.Discovery().(*fakediscovery.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: text} //nolint:forcetypeassert // the type of a fake client
}

// forbid makes kube-apiserver forbid the user of the checks a verb on a resource.
func (c *fakeCluster) forbid(verb, resource string) {
	c.client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", nil)
	})
}

func (c *fakeCluster) cluster() Cluster {
	return Cluster{
		Client: c.client, AsAccount: c.client,
		Get: func(_ context.Context, path string) ([]byte, error) {
			if body, ok := c.paths[path]; ok {
				return []byte(body), nil
			}
			return nil, apierrors.NewForbidden(schema.GroupResource{}, path, nil)
		},
	}
}

// run runs a check and returns its findings.
func run(t *testing.T, check func(context.Context, *report, Cluster, Options) error, c *fakeCluster, options Options) []Finding {
	t.Helper()
	options.Account = testAccount()
	r := &report{check: "test"}
	if err := check(t.Context(), r, c.cluster(), options); err != nil {
		t.Fatal(err)
	}
	return r.findings
}

// wanted is an expected finding: its level, and texts that its object, message and action
// contain together.
type wanted struct {
	level Level
	texts []string
}

func want(level Level, texts ...string) wanted { return wanted{level, texts} }

// compare expects these findings in this order and no others.
func compare(t *testing.T, got []Finding, all ...wanted) {
	t.Helper()
	if len(got) != len(all) {
		t.Fatalf("got %d findings, want %d:\n%+v", len(got), len(all), got)
	}
	for i, w := range all {
		if got[i].Level != w.level {
			t.Errorf("finding %d is %s, want %s: %+v", i, got[i].Level, w.level, got[i])
		}
		if (got[i].Level == OK) != (got[i].Action == "") {
			t.Errorf("finding %d: a finding that is not ok must have an action: %+v", i, got[i])
		}
		whole := got[i].Object + " " + got[i].Message + " " + got[i].Action
		for _, text := range w.texts {
			if !strings.Contains(whole, text) {
				t.Errorf("finding %d has no %q: %+v", i, text, got[i])
			}
		}
		if strings.Contains(whole, "\n") {
			t.Errorf("finding %d has more than one line: %q", i, whole)
		}
	}
}
