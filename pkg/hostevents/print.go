// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// fingerprint is the same for two states of one event and differs for two
// events under one name: it covers what an event may not change. By it a creation
// is recognized whose answer, and with it the uid, was lost.
func fingerprint(event *events.Event) uint64 {
	h := fnv.New64a()
	text := func(values ...string) {
		for _, value := range values {
			_, _ = h.Write([]byte(value))
			_, _ = h.Write([]byte{0})
		}
	}
	// Below a microsecond the time depends on the wire format it came in.
	var when [8]byte
	binary.BigEndian.PutUint64(when[:], uint64(event.EventTime.Truncate(time.Microsecond).UnixMicro()))
	_, _ = h.Write(when[:])
	text(event.Namespace, event.Name, event.Reason, event.Action, event.Note, event.Type, event.ReportingController, event.ReportingInstance)
	text(event.Regarding.Kind, event.Regarding.Namespace, event.Regarding.Name, string(event.Regarding.UID))
	return h.Sum64()
}
