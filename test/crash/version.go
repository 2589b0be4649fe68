// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// opAnnotation is on every event that a writer writes: the id of the write.
const opAnnotation = "crash.example.com/op"

// key names an event.
type key struct{ namespace, name string }

func (k key) String() string { return k.namespace + "/" + k.name }

// digest stands for a content, so that a record of very many stays small.
type digest [16]byte

func (d digest) String() string { return hex.EncodeToString(d[:4]) }

// version is what one event was at one revision, as a client saw it.
type version struct {
	key      key
	revision uint64
	uid      string
	// created is the time of creation, in seconds.
	created int64
	// op is the write that made it.
	op string
	// whole is a digest of everything but the revision, body one of what clients
	// write: everything but what the server adds.
	whole, body digest
	attrs       attributes
}

// attributes are what lists and watches select by.
type attributes struct {
	namespace string
	// fields are in the order of indexedFields.
	fields [6]string
	phase  string
}

// indexedFields are those of the server's indexes, by their names in field
// selectors.
func indexedFields() [6]string {
	return [6]string{"regarding.uid", "regarding.name", "reason", "reportingController", "regarding.kind", "type"}
}

// phaseLabel is a label that writes change, so that events come into and go out
// of a selection.
const phaseLabel = "phase"

func versionOf(event *eventsv1.Event) (version, error) {
	revision, err := strconv.ParseUint(event.ResourceVersion, 10, 64)
	if err != nil {
		return version{}, fmt.Errorf("the resource version of %s/%s: %w", event.Namespace, event.Name, err)
	}
	whole, err := wholeDigest(event)
	if err != nil {
		return version{}, err
	}
	body, err := bodyDigest(event)
	if err != nil {
		return version{}, err
	}
	return version{
		key:      key{event.Namespace, event.Name},
		revision: revision,
		uid:      string(event.UID),
		created:  event.CreationTimestamp.Unix(),
		op:       event.Annotations[opAnnotation],
		whole:    whole,
		body:     body,
		attrs: attributes{
			namespace: event.Namespace,
			fields: [6]string{
				string(event.Regarding.UID), event.Regarding.Name, event.Reason,
				event.ReportingController, event.Regarding.Kind, event.Type,
			},
			phase: event.Labels[phaseLabel],
		},
	}, nil
}

// wholeDigest ignores the revision, because a deletion delivers the last content at a new one,
// and the kind, which items of lists lack.
func wholeDigest(event *eventsv1.Event) (digest, error) {
	stripped := *event
	stripped.TypeMeta = metav1.TypeMeta{}
	stripped.ResourceVersion = ""
	return digestOf(&stripped)
}

func bodyDigest(event *eventsv1.Event) (digest, error) {
	stripped := *event
	stripped.TypeMeta = metav1.TypeMeta{}
	stripped.ObjectMeta = metav1.ObjectMeta{
		Namespace:   event.Namespace,
		Name:        event.Name,
		Labels:      event.Labels,
		Annotations: event.Annotations,
	}
	return digestOf(&stripped)
}

// digestOf goes by JSON, in which an event has one form whatever it came as.
func digestOf(event *eventsv1.Event) (digest, error) {
	data, err := json.Marshal(event)
	if err != nil {
		return digest{}, fmt.Errorf("encoding %s/%s: %w", event.Namespace, event.Name, err)
	}
	sum := sha256.Sum256(data)
	return digest(sum[:len(digest{})]), nil
}
