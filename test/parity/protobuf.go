// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1beta1 "k8s.io/apimachinery/pkg/apis/meta/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// readProtobuf makes a JSON value of an object in Kubernetes' protobuf envelope.
func readProtobuf(raw []byte) (style string, body any, err error) {
	known, err := newScheme()
	if err != nil {
		return "", nil, err
	}
	serializer := protobuf.NewSerializer(known, known)
	object, kind, err := serializer.Decode(raw, nil, nil)
	if err != nil {
		//nolint:nilerr // a body that nobody can decode is an answer, too
		return "broken protobuf: " + err.Error(), hex.EncodeToString(raw), nil
	}
	object.GetObjectKind().SetGroupVersionKind(*kind)
	style, err = styleOfProtobuf(serializer, object, *kind, raw)
	if err != nil {
		return "", nil, err
	}
	body, err = treeOf(object)
	return style, body, err
}

// newScheme knows everything that a server of the group may send.
func newScheme() (*runtime.Scheme, error) {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, metav1.AddMetaToScheme, metav1beta1.AddMetaToScheme,
	} {
		if err := add(known); err != nil {
			return nil, fmt.Errorf("registering types: %w", err)
		}
	}
	return known, nil
}

// styleOfProtobuf reports whether the sender encodes as the generated code does.
func styleOfProtobuf(serializer *protobuf.Serializer, object runtime.Object, kind schema.GroupVersionKind, raw []byte) (string, error) {
	var again bytes.Buffer
	if err := serializer.Encode(object, &again); err != nil {
		return "", fmt.Errorf("encoding %s again: %w", kind, err)
	}
	if bytes.Equal(again.Bytes(), raw) {
		return "protobuf", nil
	}
	return "protobuf that encodes to other bytes", nil
}

// treeOf makes a JSON value of a typed object. Objects nested in it are decoded.
func treeOf(object runtime.Object) (any, error) {
	if event, ok := object.(*metav1.WatchEvent); ok {
		return treeOfWatchEvent(event)
	}
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("making JSON of %T: %w", object, err)
	}
	var tree any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		return nil, fmt.Errorf("reading JSON of %T: %w", object, err)
	}
	return tree, nil
}

func treeOfWatchEvent(event *metav1.WatchEvent) (any, error) {
	style, object, err := readProtobuf(event.Object.Raw)
	if err != nil {
		return nil, err
	}
	return map[string]any{"type": event.Type, "object": object, "style": style}, nil
}
