// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mirrored is how many creates are timed, one after the other: what is compared
// is what each costs, not what the machine can do.
const mirrored = 1000

// mirror measures what a create costs with and without the mirror, and at the
// host. Each is timed in turns with the others, so that a busy machine is busy
// for all.
func (s *session) mirror(ctx context.Context) (err error) {
	without, err := s.startHost(ctx, "off")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, without.end(ctx)) }()
	with, err := s.startHost(ctx, "sync")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, with.end(ctx)) }()
	var off, sync, host []time.Duration
	for i := range mirrored {
		for _, timed := range []struct {
			into   *[]time.Duration
			create func() error
		}{
			{&off, func() error { return without.createOurs(ctx, i) }},
			{&sync, func() error { return with.createOurs(ctx, i) }},
			{&host, func() error { return with.createCore(ctx, mirrored+i) }},
		} {
			begun := time.Now()
			if err := timed.create(); err != nil {
				return err
			}
			*timed.into = append(*timed.into, time.Since(begun))
		}
	}
	middle := func(d []time.Duration) time.Duration { return percentile(d, 50) }
	added := middle(sync) - middle(off)
	s.report.add(row{
		work: fmt.Sprintf("what the mirror adds to a create (p50 %s with, %s without, a create at the host %s; p99 with %s)",
			millis(middle(sync)), millis(middle(off)), millis(middle(host)), millis(percentile(sync, 99))),
		embedded: millis(added), reach: "a create at the host, and a tenth", reached: added <= middle(host)*11/10,
	})
	return nil
}

// createOurs creates one event through events.k8s.io/v1.
func (h *host) createOurs(ctx context.Context, i int) error {
	from := hostEvent(i)
	event := &eventsv1.Event{
		ObjectMeta: from.ObjectMeta, EventTime: metav1.NowMicro(), Regarding: from.InvolvedObject, Reason: from.Reason, Type: from.Type,
		Note: from.Message, Action: lifeOfPod()[i%eventsPerPod].action, ReportingController: from.ReportingController, ReportingInstance: from.ReportingInstance,
	}
	if _, err := h.direct.EventsV1().Events(event.Namespace).Create(ctx, event, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating an event: %w", err)
	}
	return nil
}

// createCore creates one event through core/v1.
func (h *host) createCore(ctx context.Context, i int) error {
	event := hostEvent(i)
	if _, err := h.admin.CoreV1().Events(event.Namespace).Create(ctx, event, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating an event at the host: %w", err)
	}
	return nil
}
