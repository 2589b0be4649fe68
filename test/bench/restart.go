// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// restart kills the writer of the big store in the middle of its work, a few
// times, and measures how long the next one takes to open it.
func (s *session) restart(ctx context.Context) error {
	var opened []time.Duration
	for n := range kills {
		if err := s.writeAndKill(ctx, 1_000_000_000+n*100_000_000); err != nil {
			return err
		}
		var after readResult
		if err := s.inWorker(ctx, "read", readJob{Store: s.big(), Events: s.created.Events, Lists: someListed, Seed: s.seed}, &after); err != nil {
			return err
		}
		opened = append(opened, after.Open)
	}
	worst := slices.Max(opened)
	s.report.add(row{
		work: fmt.Sprintf("open after kill -9 under load, the slowest of %d", kills), embedded: seconds(worst),
		reach: "5 s", reached: worst <= 5*time.Second,
	})
	return nil
}

func (s *session) writeAndKill(ctx context.Context, first int) error {
	order, err := s.orderOf("create", createJob{Store: s.big(), Writers: writers, First: first, For: time.Hour})
	if err != nil {
		return err
	}
	cmd, err := workerCommand(ctx, order)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a writer to kill: %w", err)
	}
	sleepErr := sleep(ctx, killAfter)
	if err := cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing the writer: %w", err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		return fmt.Errorf("the writer was to be killed, but: %w", err)
	}
	return sleepErr
}

// server runs the real server on the big store.
func (s *session) server(ctx context.Context) error {
	running, err := startServer(ctx, s.serverProgram, s.path("big"), s.path("server"))
	if err != nil {
		return err
	}
	defer running.kill()
	if err := running.use(ctx, s.created.Events); err != nil {
		return err
	}
	used, err := memoryOf(running.cmd.Process.Pid)
	if err != nil {
		return err
	}
	s.report.add(row{
		work:     fmt.Sprintf("resident memory of the server at %d events, after lists, pages and creates (at most %s)", s.created.Events, megabytes(used.Peak)),
		embedded: megabytes(used.Now), reach: "600 MB", reached: used.Peak <= 600e6,
	})
	s.report.add(row{
		work: "the server is ready after its start", embedded: seconds(running.ready), reach: "5 s", reached: running.ready <= 5*time.Second,
	})
	return running.stop()
}
