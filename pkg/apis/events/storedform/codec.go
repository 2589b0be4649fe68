// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storedform

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	eventsv1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/v1"
)

// hostStateAnnotation carries events.HostState in the stored form, which has no
// field for it. It is put there by Encode and taken out by Decode, so it is in
// no event outside of the store; one that a client sends is not stored.
const hostStateAnnotation = "internal.events-apiserver/host-state"

// hostUIDAnnotation carries events.HostState.UID in the same way. It is one of
// its own so that an older server, which does not know it, can read the event.
const hostUIDAnnotation = "internal.events-apiserver/host-uid"

// pendingMark follows the version where the stored state has not reached the
// host yet.
const pendingMark = "+"

// Codec is a codec for a store: it keeps what the versions of the API have no place
// for.
type Codec struct {
	runtime.Codec
	// events, when set, writes events as Codec does.
	events *encoder
}

var _ runtime.EncoderWithAllocator = Codec{}

// New returns a codec that reads every version and writes the stored form. It
// returns an error if the scheme of the codecs cannot write protobuf.
func New(codecs serializer.CodecFactory) (Codec, error) {
	info, ok := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	if !ok {
		return Codec{}, errors.New("the scheme has no protobuf serializer")
	}
	version := eventsv1.SchemeGroupVersion()
	codec := Wrap(codecs.CodecForVersions(info.Serializer, codecs.UniversalDeserializer(), version, runtime.InternalGroupVersioner))
	if serializer, ok := info.Serializer.(runtime.EncoderWithAllocator); ok {
		codec.events = newEncoder(serializer)
	}
	return codec, nil
}

// Wrap lets a codec for a version of the API keep what that has no place for.
func Wrap(codec runtime.Codec) Codec { return Codec{Codec: codec} }

// Encode writes the object with its state in the host.
func (s Codec) Encode(obj runtime.Object, w io.Writer) error {
	if event, ok := obj.(*events.Event); ok {
		obj = withHostState(event)
	}
	return s.Codec.Encode(obj, w)
}

// EncodeWithAllocator does so with memory of the caller, if the codec inside can.
func (s Codec) EncodeWithAllocator(obj runtime.Object, w io.Writer, memory runtime.MemoryAllocator) error {
	if event, ok := obj.(*events.Event); ok {
		event = withHostState(event)
		if s.events != nil {
			return s.events.encode(event, w, memory)
		}
		obj = event
	}
	if encoder, ok := s.Codec.(runtime.EncoderWithAllocator); ok {
		return encoder.EncodeWithAllocator(obj, w, memory)
	}
	return s.Codec.Encode(obj, w)
}

// Identifier tells this form from that of the codec inside.
func (s Codec) Identifier() runtime.Identifier {
	return "stored:" + s.Codec.Identifier()
}

// Decode reads an object and its state in the host.
func (s Codec) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	obj, kind, err := s.Codec.Decode(data, defaults, into)
	if err != nil {
		return obj, kind, err
	}
	if event, ok := obj.(*events.Event); ok {
		if err := takeHostState(event); err != nil {
			return nil, kind, err
		}
	}
	return obj, kind, nil
}

// CopyInto sets to to what Decode makes of what Encode writes of from, at a
// fifth of the cost. It reports false when they are not two events.
func (Codec) CopyInto(from, to runtime.Object) bool {
	stored, ok := from.(*events.Event)
	if !ok {
		return false
	}
	read, ok := to.(*events.Event)
	if !ok {
		return false
	}
	stored.DeepCopyInto(read)
	read.TypeMeta = metav1.TypeMeta{}
	dropHostAnnotations(read)
	truncateTimes(read)
	return true
}

func dropHostAnnotations(event *events.Event) {
	delete(event.Annotations, hostStateAnnotation)
	delete(event.Annotations, hostUIDAnnotation)
	if len(event.Annotations) == 0 {
		event.Annotations = nil
	}
}

// truncateTimes leaves what the versions of the API keep of a time.
func truncateTimes(event *events.Event) {
	toSeconds(&event.CreationTimestamp)
	toSeconds(event.DeletionTimestamp)
	toSeconds(&event.DeprecatedFirstTimestamp)
	toSeconds(&event.DeprecatedLastTimestamp)
	for i := range event.ManagedFields {
		toSeconds(event.ManagedFields[i].Time)
	}
	toMicroseconds(&event.EventTime)
	if event.Series != nil {
		toMicroseconds(&event.Series.LastObservedTime)
	}
}

func toSeconds(t *metav1.Time) {
	if t != nil && !t.IsZero() {
		*t = metav1.Unix(t.Unix(), 0)
	}
}

func toMicroseconds(t *metav1.MicroTime) {
	if !t.IsZero() {
		*t = metav1.NewMicroTime(time.UnixMicro(t.UnixMicro()))
	}
}

// withHostState returns the event with the annotation that belongs there. The
// given one is left as it is.
func withHostState(event *events.Event) *events.Event {
	_, forgedState := event.Annotations[hostStateAnnotation]
	_, forgedUID := event.Annotations[hostUIDAnnotation]
	if event.Host == (events.HostState{}) && !forgedState && !forgedUID {
		return event
	}
	stored := *event
	stored.Annotations = maps.Clone(event.Annotations)
	dropHostAnnotations(&stored)
	if event.Host == (events.HostState{}) {
		return &stored
	}
	if stored.Annotations == nil {
		stored.Annotations = map[string]string{}
	}
	stored.Annotations[hostStateAnnotation] = formatHostState(event.Host)
	if event.Host.UID != "" {
		stored.Annotations[hostUIDAnnotation] = string(event.Host.UID)
	}
	return &stored
}

// takeHostState moves the annotation into the field. The event must be one that
// was just decoded, whose annotations nobody else has.
func takeHostState(event *events.Event) error {
	// What a decoder decodes into may have been used before.
	event.Host = events.HostState{}
	value, ok := event.Annotations[hostStateAnnotation]
	if !ok {
		if _, forged := event.Annotations[hostUIDAnnotation]; forged {
			dropHostAnnotations(event)
		}
		return nil
	}
	state, err := parseHostState(value)
	if err != nil {
		return fmt.Errorf("decoding the stored event %s/%s: annotation %s: %w", event.Namespace, event.Name, hostStateAnnotation, err)
	}
	event.Host = state
	event.Host.UID = types.UID(event.Annotations[hostUIDAnnotation])
	dropHostAnnotations(event)
	return nil
}

// formatHostState writes "version@writtenAt", and pendingMark behind it.
func formatHostState(state events.HostState) string {
	text := strconv.FormatUint(state.Version, 10) + "@" + strconv.FormatInt(state.WrittenAt, 10)
	if state.Pending {
		text += pendingMark
	}
	return text
}

func parseHostState(text string) (events.HostState, error) {
	rest, pending := strings.CutSuffix(text, pendingMark)
	digits, seconds, found := strings.Cut(rest, "@")
	if !found {
		return events.HostState{}, fmt.Errorf("%q: want a version and a time with @ between them", text)
	}
	version, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return events.HostState{}, err
	}
	writtenAt, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return events.HostState{}, err
	}
	return events.HostState{Version: version, WrittenAt: writtenAt, Pending: pending}, nil
}
