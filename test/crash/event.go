// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	ownerLabel    = "owner"
	padAnnotation = "crash.example.com/pad"
	// uidsOfWriter is the number of objects that the events of a writer are about.
	uidsOfWriter = 6
)

// newEvent returns a random event of a writer for a key. Its indexed fields differ each time
// that the key is created.
func newEvent(random *rand.Rand, k key, owner string) *eventsv1.Event {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	return &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   k.namespace,
			Name:        k.name,
			Labels:      map[string]string{ownerLabel: owner},
			Annotations: map[string]string{},
		},
		EventTime:           metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)),
		ReportingController: fmt.Sprintf("example.com/controller-%d", random.IntN(3)),
		ReportingInstance:   owner,
		Action:              pick("Start", "Stop", "Scale"),
		Reason:              pick("Started", "Stopped", "Killed", "Scaled", "Failed", "Pulled", "Pulling", "Created"),
		Regarding: corev1.ObjectReference{
			Kind:      pick("Pod", "Node", "Deployment", "Job"),
			Namespace: k.namespace,
			Name:      fmt.Sprintf("object-%d", random.IntN(20)),
			UID:       types.UID(fmt.Sprintf("%s-object-%d", owner, random.IntN(uidsOfWriter))),
		},
		Note: text(random, random.IntN(200)),
		Type: pick(corev1.EventTypeNormal, corev1.EventTypeWarning),
	}
}

// alter changes everything of the event that an update may change, and marks it with the
// write.
func alter(random *rand.Rand, event *eventsv1.Event, id string) {
	event.Annotations[opAnnotation] = id
	event.Annotations[padAnnotation] = text(random, padding(random))
	event.Labels[phaseLabel] = []string{"a", "b"}[random.IntN(2)]
}

// observe makes the event one of a series, or a longer one.
func observe(event *eventsv1.Event) {
	count := int32(2)
	if event.Series != nil {
		count = event.Series.Count + 1
	}
	event.Series = &eventsv1.EventSeries{
		Count:            count,
		LastObservedTime: metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)),
	}
}

// padding returns a size in bytes: most events are small, a few are large enough to fill a
// file of the WAL.
func padding(random *rand.Rand) int {
	switch random.IntN(100) {
	case 0:
		return random.IntN(100_000)
	case 1, 2, 3, 4, 5, 6, 7, 8, 9:
		return random.IntN(6000)
	default:
		return random.IntN(500)
	}
}

// text returns random characters, which do not compress well.
func text(random *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "%016x", random.Uint64())
	}
	return b.String()[:size]
}
