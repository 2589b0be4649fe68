// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

const (
	// eventsPerPod is how many events there are about one pod, and so how many a
	// list of its uid finds.
	eventsPerPod = 5
	namespaces   = 100
	keyPrefix    = "/events-apiserver/events/"
)

// Recorders end the name of an event with the time in nanoseconds, as a
// hexadecimal number. Here it is the number of the event.
const (
	nameBase = 1_767_225_600_000_000_000
	nameStep = 1_000_003
)

// numberOf returns the number of the event of that name.
func numberOf(name string) (int, error) {
	ending := name[strings.LastIndexByte(name, '.')+1:]
	nanoseconds, err := strconv.ParseInt(ending, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("event %s was not made here: %w", name, err)
	}
	return int((nanoseconds - nameBase) / nameStep), nil
}

// generator makes events that look like those of a cluster: words that repeat,
// ids and times that do not, fields set as a recorder sets them, and the
// managed fields that the API server adds. Event i is the same whenever it is
// made, but for its own uid and creation time.
type generator struct {
	managed string
	start   time.Time
}

func newGenerator() *generator {
	return &generator{
		managed: `{"f:action":{},"f:eventTime":{},"f:note":{},"f:reason":{},"f:regarding":{},"f:reportingController":{},"f:reportingInstance":{},"f:type":{}}`,
		start:   time.Now().Truncate(time.Microsecond),
	}
}

// lifeOfPod is what a pod goes through, one event each. In a note %n and %p are the
// namespace and the name of the pod, %a to %c numbers.
func lifeOfPod() [eventsPerPod]struct{ action, reason, kind, note string } {
	return [eventsPerPod]struct{ action, reason, kind, note string }{
		{"Binding", "Scheduled", events.TypeNormal, "Successfully assigned %n/%p to node-%a"},
		{"Pulling", "Pulled", events.TypeNormal, "Successfully pulled image \"registry.example.com/shop/web:v1.%a\" in %bms (%bms including waiting). Image size: %c bytes."},
		{"Creating", "Created", events.TypeNormal, "Created container: web-%a"},
		{"Starting", "Started", events.TypeNormal, "Started container web-%a"},
		{"Probing", "Unhealthy", events.TypeWarning, "Readiness probe failed: Get \"http://10.%a.%b.7:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers), attempt %c"},
	}
}

// note fills in what a note of lifeOfPod leaves open. fmt would take a fifth of all
// the time that making an event takes.
func note(form, namespace, pod string, numbers ...uint64) string {
	var memory [256]byte
	text := memory[:0]
	for {
		before, after, found := strings.Cut(form, "%")
		text = append(text, before...)
		if !found {
			return string(text)
		}
		switch what := after[0]; what {
		case 'n':
			text = append(text, namespace...)
		case 'p':
			text = append(text, pod...)
		default:
			text = strconv.AppendUint(text, numbers[what-'a'], 10)
		}
		form = after[1:]
	}
}

// random returns the numbers that belong to event or pod i.
func random(i int, stream uint64) *rand.PCG { return rand.NewPCG(uint64(i), stream) } //nolint:gosec // a count

// podUID is the uid that the events of pod i are about.
func podUID(pod int) types.UID { return uid(random(pod, 1)) }

// uid has the form of a version 4 UUID.
func uid(r *rand.PCG) types.UID {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], r.Uint64())
	binary.BigEndian.PutUint64(raw[8:], r.Uint64())
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[:8], raw[:4])
	hex.Encode(text[9:13], raw[4:6])
	hex.Encode(text[14:18], raw[6:8])
	hex.Encode(text[19:23], raw[8:10])
	hex.Encode(text[24:], raw[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return types.UID(text[:])
}

// event returns event i and its key in the store.
func (g *generator) event(i int) (key string, event *events.Event) {
	pod := i / eventsPerPod
	r := random(i, 2)
	step := lifeOfPod()[i%eventsPerPod]
	key, namespace, podName, name := keyOf(i, pod)
	now := g.start.Add(time.Duration(i) * time.Millisecond)
	n := r.Uint64()
	event = &events.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:         namespace,
			Name:              name,
			UID:               uid(r),
			CreationTimestamp: metav1.NewTime(now.Truncate(time.Second)),
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager:    "kubelet",
				Operation:  metav1.ManagedFieldsOperationUpdate,
				APIVersion: "events.k8s.io/v1",
				Time:       &metav1.Time{Time: now.Truncate(time.Second)},
				FieldsType: "FieldsV1",
				FieldsV1:   metav1.NewFieldsV1(g.managed),
			}},
		},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: "kubernetes.io/kubelet",
		ReportingInstance:   note("kubelet-node-%a", "", "", n%5000),
		Action:              step.action,
		Reason:              step.reason,
		Type:                step.kind,
		Regarding: corev1.ObjectReference{
			APIVersion:      "v1",
			Kind:            "Pod",
			Namespace:       namespace,
			Name:            podName,
			UID:             podUID(pod),
			ResourceVersion: strconv.Itoa(i),
			FieldPath:       "spec.containers{web}",
		},
		Note: note(step.note, namespace, podName, n%250, n>>8%250, n>>16%1_000_000_000),
	}
	return key, event
}

// keyOf returns the key of event i, about that pod, and its parts.
func keyOf(i, pod int) (key, namespace, podName, name string) {
	var memory [128]byte
	text := append(memory[:0], keyPrefix...)
	text = append(text, "team-"...)
	text = strconv.AppendInt(text, int64(pod%namespaces), 10)
	namespaceEnd := len(text)
	text = append(text, "/web-frontend-"...)
	text = strconv.AppendUint(text, random(pod, 3).Uint64()>>24, 36)
	podEnd := len(text)
	text = append(text, '.')
	text = strconv.AppendInt(text, nameBase+int64(i)*nameStep, 16)
	key = string(text)
	return key, key[len(keyPrefix):namespaceEnd], key[namespaceEnd+1 : podEnd], key[namespaceEnd+1:]
}
