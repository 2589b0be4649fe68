// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	writers          = 64
	smallStoreEvents = 10_000
	kills            = 3
	killAfter        = 15 * time.Second
	watchers         = 100
	watchRate        = 5000
	watchFor         = 30 * time.Second
	expiring         = 1_000_000
	quietFor         = 20 * time.Second
	podLists         = 5000
	turnLists        = 500
	someListed       = 20
)

// session makes the measurements one after the other.
type session struct {
	settings
	report report
	// created is what the big store was filled with.
	created createResult
	// etcdEvents is how many events etcd holds, and etcdRead what lists of them
	// take.
	etcdEvents int
	etcdRead   readResult
}

func newSession(s settings) *session { return &session{settings: s} }

func (s *session) wants(what string) bool {
	return s.only == "" || slices.Contains(strings.Split(s.only, ","), what)
}

func (s *session) path(name string) string { return filepath.Join(s.dir, name) }

func say(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().UTC().Format("15:04:05"), fmt.Sprintf(format, arguments...))
}

func (s *session) measure(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp(s.dir, "events-bench-"); err != nil {
		return fmt.Errorf("making a directory to work in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	say("seed %d", s.seed)
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"create", s.create},
		{"read", s.read},
		{"restart", s.restart},
		{"server", s.server},
		{"watch", s.watch},
		{"expiry", s.expiry},
		{"ingest", s.ingest},
		{"mirror", s.mirror},
	} {
		if !s.wants(part.name) {
			continue
		}
		say("measuring: %s", part.name)
		if err := part.run(ctx); err != nil {
			s.report.write(os.Stdout)
			return err
		}
	}
	s.report.write(os.Stdout)
	if slices.ContainsFunc(s.report.rows, row.missed) {
		return errors.New("a figure was missed")
	}
	return nil
}

func (s *session) big() storeFlags { return storeFlags{Dir: s.path("big")} }

// create fills the big store while it measures, with etcd before and after.
func (s *session) create(ctx context.Context) error {
	etcd, err := startEtcd(ctx, s.etcdProgram, s.path("etcd"))
	if err != nil {
		return err
	}
	defer etcd.stop()
	var before, after createResult
	etcdJob := createJob{Store: etcd.flags(), Writers: writers, For: s.sustainEtcd}
	if err := s.inWorker(ctx, "create", etcdJob, &before); err != nil {
		return err
	}
	if err := s.inWorker(ctx, "create", createJob{Store: s.big(), Writers: writers, For: s.sustain, Count: s.events}, &s.created); err != nil {
		return err
	}
	etcdJob.First = before.Events
	if err := s.inWorker(ctx, "create", etcdJob, &after); err != nil {
		return err
	}
	s.etcdEvents = before.Events + after.Events
	s.reportCreate(before, after)
	return s.readEtcd(ctx, etcd)
}

func (s *session) reportCreate(before, after createResult) {
	rate := float64(s.created.Events) / s.created.Seconds
	etcdRate := float64(before.Events+after.Events) / (before.Seconds + after.Seconds)
	s.report.add(row{
		work: fmt.Sprintf("create, %d writers, %d events in %.0f s (slowest %s: %.0f/s)", writers, s.created.Events, s.created.Seconds,
			sampleEvery, slices.Min(append(s.created.Rates, rate))),
		embedded: perSecond(rate), etcd: fmt.Sprintf("%s (before %.0f, after %.0f)", perSecond(etcdRate), float64(before.Events)/before.Seconds, float64(after.Events)/after.Seconds),
		ratio: times(rate / etcdRate), reach: "3 times", reached: rate >= 3*etcdRate,
	})
	s.report.add(row{
		work:     fmt.Sprintf("processor time for each create (of it %s for making the event)", micros(s.created.Generator)),
		embedded: micros(s.created.CPU), etcd: micros((before.CPU + after.CPU) / 2), ratio: times(faster(s.created.CPU, (before.CPU+after.CPU)/2)),
	})
	s.report.add(memoryRow("memory of that process, load included, at most", s.created.Memory))
}

func memoryRow(work string, of memory) row {
	const most = 600_000_000
	return row{work: work, embedded: megabytes(of.Peak), reach: megabytes(most), reached: of.Peak <= most}
}
