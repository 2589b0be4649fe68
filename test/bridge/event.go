// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"maps"
	"slices"
	"strings"
)

// tree is a JSON object.
type tree = map[string]any

// api is one of the two through which events are written and read.
type api struct {
	name string
	// root is the path before "/namespaces".
	root string
	// groupVersion is what bodies say.
	groupVersion string
}

func coreAPI() api { return api{name: "core/v1", root: "/api/v1", groupVersion: "v1"} }
func eventsAPI() api {
	return api{name: "events.k8s.io/v1", root: "/apis/events.k8s.io/v1", groupVersion: "events.k8s.io/v1"}
}

// other is the API that a is not.
func (a api) other() api {
	if a == coreAPI() {
		return eventsAPI()
	}
	return coreAPI()
}

// path is that of the namespace's events, or of one of them.
func (a api) path(namespace, name string) string {
	path := a.root + "/namespaces/" + namespace + "/events"
	if name != "" {
		path += "/" + name
	}
	return path
}

// coreNames are what core/v1 calls the fields of events.k8s.io/v1. Those that
// are not here have one name in both.
func coreNames() map[string]string {
	return map[string]string{
		"regarding":                "involvedObject",
		"note":                     "message",
		"reportingController":      "reportingComponent",
		"deprecatedSource":         "source",
		"deprecatedFirstTimestamp": "firstTimestamp",
		"deprecatedLastTimestamp":  "lastTimestamp",
		"deprecatedCount":          "count",
	}
}

// coreForm renames the fields of an event, or of a patch of one, as core/v1
// calls them.
func coreForm(event tree) tree {
	renamed := make(tree, len(event))
	names := coreNames()
	for key, value := range event {
		if name, ok := names[key]; ok {
			key = name
		}
		renamed[key] = value
	}
	return renamed
}

// form puts what is written in the terms of events.k8s.io/v1 into those of the
// API: an event, a merge patch or the operations of a JSON patch.
func (a api) form(body any) any {
	if a == eventsAPI() {
		return body
	}
	switch body := body.(type) {
	case tree:
		return coreForm(body)
	case []any:
		operations := make([]any, 0, len(body))
		for _, each := range body {
			operation, ok := each.(tree)
			if ok {
				operation = maps.Clone(operation)
				operation["path"] = corePath(operation["path"])
			}
			operations = append(operations, operation)
		}
		return operations
	}
	return body
}

func corePath(path any) any {
	text, _ := path.(string)
	parts := strings.Split(text, "/")
	if name, ok := coreNames()[parts[min(1, len(parts)-1)]]; ok {
		parts[1] = name
	}
	return strings.Join(parts, "/")
}

// modern is an event as newer recorders write it, in the terms of
// events.k8s.io/v1.
func modern(name, namespace string, changes ...tree) tree {
	event := tree{
		"metadata":            tree{"name": name, "namespace": namespace},
		"eventTime":           "2026-01-02T03:04:05.000006Z",
		"reportingController": "example.com/controller",
		"reportingInstance":   "controller-1",
		"action":              "Start",
		"reason":              "Started",
		"type":                "Normal",
		"note":                "it runs",
		"regarding":           tree{"kind": "Pod", "namespace": namespace, "name": "pod-" + name, "uid": "uid-" + name},
	}
	return merge(event, changes...)
}

// legacy is an event as the kubelet and most controllers write it, in the terms
// of events.k8s.io/v1, whose rules it breaks.
func legacy(name, namespace string, changes ...tree) tree {
	event := tree{
		"metadata":                 tree{"name": name, "namespace": namespace},
		"deprecatedSource":         tree{"component": "kubelet", "host": "node-1"},
		"deprecatedFirstTimestamp": "2026-01-02T03:04:05Z",
		"deprecatedLastTimestamp":  "2026-01-02T03:04:06Z",
		"deprecatedCount":          float64(1),
		"reason":                   "Pulled",
		"type":                     "Normal",
		"note":                     "it is pulled",
		"regarding":                tree{"kind": "Pod", "namespace": namespace, "name": "pod-" + name, "uid": "uid-" + name, "fieldPath": "spec.containers{c}"},
	}
	return merge(event, changes...)
}

// merge applies merge patches to a copy.
func merge(into tree, changes ...tree) tree {
	result := tree{}
	maps.Copy(result, into)
	for _, change := range changes {
		for _, key := range slices.Sorted(maps.Keys(change)) {
			switch value := change[key].(type) {
			case nil:
				delete(result, key)
			case tree:
				old, _ := result[key].(tree)
				result[key] = merge(old, value)
			default:
				result[key] = value
			}
		}
	}
	return result
}
