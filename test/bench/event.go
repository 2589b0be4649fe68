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
// hexadecimal number. Here that tells the number of the event.
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

// lifeOfPod is what a pod goes through, one event each.
func lifeOfPod() [eventsPerPod]struct{ action, reason, kind, note string } {
	return [eventsPerPod]struct{ action, reason, kind, note string }{
		{"Binding", "Scheduled", events.TypeNormal, "Successfully assigned %[1]s/%[2]s to node-%[3]d"},
		{"Pulling", "Pulled", events.TypeNormal, "Successfully pulled image \"registry.example.com/shop/web:v1.%[3]d\" in %[4]dms (%[4]dms including waiting). Image size: %[5]d bytes."},
		{"Creating", "Created", events.TypeNormal, "Created container: web-%[3]d"},
		{"Starting", "Started", events.TypeNormal, "Started container web-%[3]d"},
		{"Probing", "Unhealthy", events.TypeWarning, "Readiness probe failed: Get \"http://10.%[3]d.%[4]d.7:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers), attempt %[5]d"},
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
	namespace := "team-" + strconv.Itoa(pod%namespaces)
	podName := "web-frontend-" + strconv.FormatUint(random(pod, 3).Uint64()>>24, 36)
	name := podName + "." + strconv.FormatInt(nameBase+int64(i)*nameStep, 16)
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
		ReportingInstance:   "kubelet-node-" + strconv.FormatUint(n%5000, 10),
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
		Note: fmt.Sprintf(step.note, namespace, podName, n%250, n>>8%250, n>>16%1_000_000_000),
	}
	return keyPrefix + namespace + "/" + name, event
}
