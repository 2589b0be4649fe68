// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"encoding/json"
	"fmt"
	"strings"

	eventsv1 "k8s.io/api/events/v1"
)

// object is a JSON object.
type object = map[string]any

// mergePatch returns a merge patch from what is stored to the event, which differs in what
// alter and observe change. With a revision it only applies to that one.
func mergePatch(event *eventsv1.Event, revision string) ([]byte, error) {
	metadata := object{"annotations": event.Annotations, "labels": event.Labels}
	if revision != "" {
		metadata["resourceVersion"] = revision
	}
	patch := object{"metadata": metadata}
	if event.Series != nil {
		patch["series"] = event.Series
	}
	return encode(patch)
}

// jsonPatch returns a JSON patch for an event that observe has not changed.
func jsonPatch(event *eventsv1.Event, revision string) ([]byte, error) {
	replace := func(path, value string) object { return object{"op": "replace", "path": path, "value": value} }
	pointer := strings.NewReplacer("~", "~0", "/", "~1")
	var patch []object
	if revision != "" {
		patch = append(patch, object{"op": "test", "path": "/metadata/resourceVersion", "value": revision})
	}
	return encode(append(patch,
		replace("/metadata/labels/"+phaseLabel, event.Labels[phaseLabel]),
		replace("/metadata/annotations/"+pointer.Replace(opAnnotation), event.Annotations[opAnnotation]),
		replace("/metadata/annotations/"+pointer.Replace(padAnnotation), event.Annotations[padAnnotation]),
	))
}

// applyPatch returns an apply patch of the event without its series.
func applyPatch(event *eventsv1.Event) ([]byte, error) {
	return encode(object{
		"apiVersion": eventsv1.SchemeGroupVersion.String(),
		"kind":       "Event",
		"metadata": object{
			"name": event.Name, "namespace": event.Namespace,
			"labels": event.Labels, "annotations": event.Annotations,
		},
		"eventTime":           event.EventTime,
		"reportingController": event.ReportingController,
		"reportingInstance":   event.ReportingInstance,
		"action":              event.Action,
		"reason":              event.Reason,
		"regarding":           event.Regarding,
		"note":                event.Note,
		"type":                event.Type,
	})
}

func encode(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding a patch: %w", err)
	}
	return data, nil
}
