// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"

	"github.com/events-apiserver/events-apiserver/pkg/storage"
	"github.com/events-apiserver/events-apiserver/pkg/storage/entries"
)

const podPrefix = "/registry/pods"

func newPod() runtime.Object { return &example.Pod{} }

// nodeName returns what a pod has in its indexed field.
func nodeName(obj runtime.Object) string {
	if pod, ok := obj.(*example.Pod); ok {
		return pod.Spec.NodeName
	}
	return ""
}

// pods is the content of a store of pods, with an index on their nodes.
func pods(t *testing.T) Content {
	t.Helper()
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	for _, add := range []func(*runtime.Scheme) error{example.AddToScheme, examplev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	codec := apitesting.TestCodec(serializer.NewCodecFactory(scheme), examplev1.SchemeGroupVersion)
	return Content{
		Root: "/registry",
		Objects: Kind{
			Resource: schema.GroupResource{Resource: "pods"}, Prefix: podPrefix, Codec: codec,
			Indexes: []storage.Index{{Field: "spec.nodeName", Value: nodeName}},
		},
		EncodeVersioner: examplev1.SchemeGroupVersion,
		Entries:         entries.Content{Events: "pods", HostRecords: "records", Codec: codec},
	}
}
