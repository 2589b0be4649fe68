// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// readEtcd lists what etcd holds, while it runs.
func (s *session) readEtcd(ctx context.Context, running *etcd) error {
	return s.inWorker(ctx, "read", readJob{Store: running.flags(), Events: s.etcdEvents, Lists: someListed, Seed: s.seed}, &s.etcdRead)
}

// read lists what the big store holds, and a small one.
func (s *session) read(ctx context.Context) error {
	few := storeFlags{Dir: s.path("few")}
	if err := s.inWorker(ctx, "create", createJob{Store: few, Writers: writers, Count: smallStoreEvents}, &createResult{}); err != nil {
		return err
	}
	var big readResult
	job := readJob{Store: s.big(), Events: s.created.Events, Lists: podLists, AtRest: true, Small: few, SmallEvents: smallStoreEvents, TurnLists: turnLists, Seed: s.seed}
	if err := s.inWorker(ctx, "read", job, &big); err != nil {
		return err
	}
	s.reportOfPod(big)
	s.reportPages(big)
	s.report.add(row{
		work: "open after a clean stop", embedded: seconds(big.Open), reach: "1 s", reached: big.Open <= time.Second,
	})
	s.report.add(memoryRow("memory of the process that lists, at most", big.Memory))
	return s.reportDisk(big)
}

// What lists of one pod may take, at the median and all but one in a hundred.
const (
	mostOfPod    = 500 * time.Microsecond
	mostOfPodP99 = 10 * time.Millisecond
	reachOfPod   = "0.5 ms, p99 10 ms"
)

func (t listTimes) reached() bool { return t.P50 <= mostOfPod && t.P99 <= mostOfPodP99 }

func (s *session) reportOfPod(big readResult) {
	etcd := fmt.Sprintf("%s with %d events", millis(s.etcdRead.OfPod.P50), s.etcdEvents)
	s.report.add(row{
		work: fmt.Sprintf("list of the %d events of one regarding.uid among %d (p99 %s, %s from the disk), once compaction has ended, %s after opening",
			eventsPerPod, s.created.Events, millis(big.OfPod.P99), kilobytes(big.OfPod.FromDisk), seconds(big.Rest)),
		embedded: millis(big.OfPod.P50), etcd: etcd, ratio: times(faster(big.OfPod.P50, s.etcdRead.OfPod.P50)),
		reach: reachOfPod, reached: big.OfPod.reached(),
	})
	s.report.add(row{
		work: fmt.Sprintf("the same just after opening, while compaction goes on (p99 %s, %s from the disk)",
			millis(big.BusyOfPod.P99), kilobytes(big.BusyOfPod.FromDisk)),
		embedded: millis(big.BusyOfPod.P50), etcd: etcd, ratio: times(faster(big.BusyOfPod.P50, s.etcdRead.OfPod.P50)),
		reach: reachOfPod, reached: big.BusyOfPod.reached(),
	})
	s.report.add(row{
		work: fmt.Sprintf("the same at rest among %d, in turn with those among %d (%s from the disk), and how many times as long these take",
			smallStoreEvents, s.created.Events, kilobytes(big.InTurn.FromDisk)),
		embedded: fmt.Sprintf("%.3f ms, %.3f ms, %.2f times", inMillis(big.InTurn.Small), inMillis(big.InTurn.Big), big.InTurn.Times),
	})
	s.reportBlocks(big.InTurn.ByBlocks)
}

// reportBlocks reports how long lists of the big store take by the number of blocks that they
// read. There is no target.
func (s *session) reportBlocks(of []blockTimes) {
	for _, one := range of {
		blocks := strconv.Itoa(one.Blocks)
		if one.Blocks == mostBlocks {
			blocks += " or more"
		}
		s.report.add(row{
			work:     fmt.Sprintf("those among %d that read %s blocks, %d of %d", s.created.Events, blocks, one.Lists, turnsOfBlocks*turnLists),
			embedded: fmt.Sprintf("%.3f ms", inMillis(one.P50)),
		})
	}
}

func (s *session) reportPages(big readResult) {
	const most = 5 * time.Millisecond
	for _, page := range []struct {
		name        string
		ours, etcds time.Duration
	}{
		{"first", big.First, s.etcdRead.First},
		{"hundredth", big.Hundredth, s.etcdRead.Hundredth},
	} {
		s.report.add(row{
			work:     fmt.Sprintf("list of %d of %d, %s page", pageSize, s.created.Events, page.name),
			embedded: millis(page.ours), etcd: millis(page.etcds), ratio: times(faster(page.ours, page.etcds)),
			reach: "5 ms", reached: page.ours <= most,
		})
	}
}

func (s *session) reportDisk(big readResult) error {
	ours, err := bytesIn(s.path("big"))
	if err != nil {
		return err
	}
	theirs, err := bytesIn(s.path("etcd"))
	if err != nil {
		return err
	}
	part := float64(ours) / big.ProtobufBytes
	etcdPart := float64(theirs) / s.etcdRead.ProtobufBytes
	s.report.add(row{
		work:     fmt.Sprintf("disk, as a part of the %.1f GB of protobuf (%.0f bytes each)", big.ProtobufBytes/1e9, big.ProtobufBytes/float64(s.created.Events)),
		embedded: fmt.Sprintf("%.2f", part), etcd: fmt.Sprintf("%.2f", etcdPart), ratio: times(etcdPart / part),
		reach: "0.7", reached: part <= 0.7,
	})
	return nil
}
