// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storedform

import (
	"fmt"
	"io"
	"sync"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	ourv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
)

// encoder writes what a codec for events.k8s.io/v1 writes of an event, in less
// time: it does not ask the scheme for the way there, nor for memory.
type encoder struct {
	serializer runtime.EncoderWithAllocator
	kind       metav1.TypeMeta
	// forms are what events are turned into before they are written.
	forms sync.Pool
}

func newEncoder(serializer runtime.EncoderWithAllocator) *encoder {
	return &encoder{
		serializer: serializer,
		kind:       metav1.TypeMeta{APIVersion: ourv1.SchemeGroupVersion().String(), Kind: "Event"},
	}
}

func (e *encoder) encode(event *events.Event, w io.Writer, memory runtime.MemoryAllocator) error {
	form, ok := e.forms.Get().(*eventsv1.Event)
	if !ok {
		form = &eventsv1.Event{}
	}
	// It shares memory with the event, which nobody must hold for longer.
	defer func() {
		*form = eventsv1.Event{}
		e.forms.Put(form)
	}()
	if err := ourv1.Convert_events_Event_To_v1_Event(event, form, nil); err != nil {
		return fmt.Errorf("converting event %s/%s: %w", event.Namespace, event.Name, err)
	}
	form.TypeMeta = e.kind
	return e.serializer.EncodeWithAllocator(form, w, memory)
}
