// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package clients

import (
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster/clustertest"
)

// suite is the cluster in which the clients work.
type suite struct {
	*clustertest.Cluster
}

// Run lets the clients work at the same time in one cluster, in which
// events-apiserver is registered, each in a namespace of its own.
func Run(t *testing.T, c *clustertest.Cluster) {
	s := &suite{c}
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
