// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

const (
	repoDir = "../.."
	// patience bounds every wait for something that must happen, on a busy
	// machine.
	patience = 2 * time.Minute
	pollStep = 200 * time.Millisecond
)

// suite is a cluster in which events-apiserver is registered.
type suite struct {
	*cluster.Cluster
	config *rest.Config
	client kubernetes.Interface
}

// The clients work at the same time in one cluster, each in a namespace of its
// own.
func TestClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, run := range map[string]func(*testing.T, *suite){
		"kubectl":                testKubectl,
		"other kubectl":          testOtherKubectl,
		"typed client":           testTypedClient,
		"untyped clients":        testUntypedClients,
		"informer and lister":    testInformer,
		"apply configurations":   testApplyConfigurations,
		"event recorder":         testRecorder,
		"event recorder adapter": testRecorderAdapter,
		"controller-runtime":     testControllerRuntime,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, s)
		})
	}
}

func start(t *testing.T) *suite {
	t.Helper()
	r := clustertest.Start(t, cluster.Config{RepoDir: repoDir})
	return &suite{Cluster: r.Cluster, config: r.Config, client: r.Admin}
}

// makeNamespace makes a namespace and returns its name.
func (s *suite) makeNamespace(t *testing.T, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := s.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatalf("creating the namespace %s: %v", name, err)
	}
	return name
}

// eventually waits for a condition; its last error says what was missing.
func eventually(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), pollStep, patience, true, func(ctx context.Context) (bool, error) {
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waited %s in vain for %s: %v", patience, what, last)
	}
}
