// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package fuzzer

import (
	"sigs.k8s.io/randfill"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// Funcs returns the fuzzer functions of the group. They clear the kind, which hub objects do
// not have, and the state in the host, which is in no version.
func Funcs(_ runtimeserializer.CodecFactory) []any {
	return []any{
		func(event *events.Event, c randfill.Continue) {
			c.FillNoCustom(event)
			event.TypeMeta = metav1.TypeMeta{}
			event.Host = events.HostState{}
		},
		func(list *events.EventList, c randfill.Continue) {
			c.FillNoCustom(list)
			list.TypeMeta = metav1.TypeMeta{}
		},
	}
}
