// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// etcdShare is the part of the load of the embedded store that etcd gets where
// it could not bear the whole.
const etcdShare = 10

// watch measures how far behind many watchers are.
func (s *session) watch(ctx context.Context) error {
	ours, err := s.watched(ctx, storeFlags{Dir: s.path("watch")}, watchRate)
	if err != nil {
		return err
	}
	running, err := startEtcd(ctx, s.etcdProgram, s.path("etcd-watch"))
	if err != nil {
		return err
	}
	defer running.stop()
	theirs, err := s.watched(ctx, running.flags(), watchRate/etcdShare)
	if err != nil {
		return err
	}
	all := int64(ours.Created) * watchers
	s.report.add(row{
		work:     fmt.Sprintf("%d watchers of everything, %.0f creates/s: delivered, and p99 behind (p50 %s)", watchers, ours.Rate, millis(ours.P50)),
		embedded: fmt.Sprintf("%.1f %%, %s", 100*float64(ours.Delivered)/float64(all), millis(ours.P99)),
		etcd:     fmt.Sprintf("%s at %.0f creates/s", millis(theirs.P99), theirs.Rate), ratio: times(faster(ours.P99, theirs.P99)),
		reach: "all, 50 ms", reached: ours.Delivered == all && ours.P99 <= 50*time.Millisecond && ours.Rate >= 0.98*watchRate,
	})
	return nil
}

func (s *session) watched(ctx context.Context, store storeFlags, rate int) (watchResult, error) {
	var r watchResult
	err := s.inWorker(ctx, "watch", watchJob{Store: store, Watchers: watchers, Rate: rate, For: watchFor}, &r)
	return r, err
}

// expiry measures creates while many events expire.
func (s *session) expiry(ctx context.Context) error {
	// A quick look at few events is at few expiring ones, too.
	events := min(expiring, s.events)
	var ours, theirs expiryResult
	if err := s.inWorker(ctx, "expiry", expiryJob{Store: storeFlags{Dir: s.path("expiry")}, Writers: writers, Events: events, Quiet: quietFor}, &ours); err != nil {
		return err
	}
	running, err := startEtcd(ctx, s.etcdProgram, s.path("etcd-expiry"))
	if err != nil {
		return err
	}
	defer running.stop()
	job := expiryJob{Store: running.flags(), Writers: writers, Events: events / etcdShare, Quiet: quietFor}
	if err := s.inWorker(ctx, "expiry", job, &theirs); err != nil {
		return errors.Join(err)
	}
	part := ours.During / ours.Before
	s.report.add(row{
		work: fmt.Sprintf("creates while %d events expire, as a part of the rate before (%s to %s; gone in %s)", events,
			perSecond(ours.Before), perSecond(ours.During), seconds(ours.Took)),
		embedded: fmt.Sprintf("%.2f", part),
		etcd:     fmt.Sprintf("%.2f with %d (%s to %s; %s)", theirs.During/theirs.Before, events/etcdShare, perSecond(theirs.Before), perSecond(theirs.During), seconds(theirs.Took)),
		ratio:    times(part / (theirs.During / theirs.Before)), reach: "0.8", reached: part >= 0.8,
	})
	return nil
}
