// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"sigs.k8s.io/yaml"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// How a body can be written.
const (
	encodeJSON     = "json"
	encodeYAML     = "yaml"
	encodeProtobuf = "protobuf"
)

const protobufType = "application/vnd.kubernetes.protobuf"

// encode returns the encoded body and its Content-Type.
func (b *body) encode(vars variables) (content []byte, contentType string, err error) {
	contentType, err = vars.expand(b.Type)
	if err != nil {
		return nil, "", err
	}
	switch {
	case b.Text != nil:
		text, err := vars.expand(*b.Text)
		return []byte(text), contentType, err
	case b.Hex != "":
		content, err := hex.DecodeString(b.Hex)
		return content, contentType, err
	}
	tree := b.JSON
	if b.Event != nil {
		tree = mergeJSON(validEvent(), b.Event)
	}
	if tree, err = vars.expandTree(tree); err != nil {
		return nil, "", err
	}
	content, natural, err := encodeTree(tree, b.Encode)
	if contentType == "" {
		contentType = natural
	}
	return content, contentType, err
}

func encodeTree(tree any, how string) (content []byte, contentType string, err error) {
	switch how {
	case encodeYAML:
		content, err = yaml.Marshal(tree)
		return content, "application/yaml", err
	case encodeProtobuf:
		content, err = encodeEventProtobuf(tree)
		return content, protobufType, err
	default:
		content, err = json.Marshal(tree)
		return content, "application/json", err
	}
}

func encodeEventProtobuf(tree any) ([]byte, error) {
	content, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var event eventsv1.Event
	if err := json.Unmarshal(content, &event); err != nil {
		return nil, fmt.Errorf("making an event of %s: %w", content, err)
	}
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), protobufType)
	if !ok {
		return nil, fmt.Errorf("there is no serializer for %s", protobufType)
	}
	return runtime.Encode(scheme.Codecs.EncoderForVersion(info.Serializer, eventsv1.SchemeGroupVersion), &event)
}

// validEvent is what the events in the data are changed from. Its times are in
// the past, so that tables show the same age from both servers.
func validEvent() map[string]any {
	return map[string]any{
		"apiVersion":          "events.k8s.io/v1",
		"kind":                "Event",
		"metadata":            map[string]any{"name": "e"},
		"eventTime":           "2020-01-02T03:04:05.123456Z",
		"reportingController": "example.com/controller",
		"reportingInstance":   "controller-1",
		"action":              "Start",
		"reason":              "Started",
		"type":                "Normal",
		"note":                "it runs",
		"regarding": map[string]any{
			"apiVersion": "v1", "kind": "Pod", "namespace": "${ns}", "name": "pod-1", "uid": "uid-1",
		},
	}
}

// mergeJSON applies a JSON merge patch (RFC 7386): null removes.
func mergeJSON(into, change map[string]any) map[string]any {
	result := maps.Clone(into)
	for key, value := range change {
		nested, isObject := value.(map[string]any)
		former, wasObject := result[key].(map[string]any)
		switch {
		case value == nil:
			delete(result, key)
		case isObject && wasObject:
			result[key] = mergeJSON(former, nested)
		default:
			result[key] = value
		}
	}
	return result
}
