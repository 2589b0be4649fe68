// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
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
	tools, err := cluster.FindTools(t.Context(), repoDir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.New(cluster.Config{
		Dir:             t.TempDir(),
		ToolsDir:        tools,
		RepoDir:         repoDir,
		EventsAPIServer: filepath.Join(repoDir, "bin", "events-apiserver"),
		UnsafeNoFsync:   true,
		Log:             testLog{t},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &suite{Cluster: c}
	if s.config, err = c.AdminConfig(); err != nil {
		t.Fatal(err)
	}
	s.config.QPS = -1
	if s.client, err = kubernetes.NewForConfig(s.config); err != nil {
		t.Fatal(err)
	}
	return s
}

// testLog passes the cluster's progress on to the test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Logf("%s", line)
	return len(line), nil
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
