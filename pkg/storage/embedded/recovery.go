// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/klog/v2"
)

// probeEvery is how often a disk that refused a write is tried.
const probeEvery = time.Second

// errRestartHelps is what a server ends with to write again.
var errRestartHelps = errors.New("the disk of the data directory refused a write and accepts writes again; exiting, so that the next start can write")

// ReadyzCheck fails once the disk has refused a write. Liveness does not: while
// the disk refuses writes the directory could not be opened again, so a restart
// would only end the reads. When a restart helps, the server exits.
//
// A full disk fails no check. Writes are answered with a reason and the time after
// which to retry, and succeed as soon as space is freed.
func (s *Store) ReadyzCheck() healthz.HealthChecker {
	return healthz.NamedCheck("embedded-store", func(*http.Request) error {
		select {
		case <-s.failed:
			return errors.New("the disk refused a write; reads go on, and the server restarts when the disk accepts writes again: see the log")
		default:
			return nil
		}
	})
}

// watchDisk runs until the store is closed. When the disk has refused a write it
// tries the disk until that accepts writes again.
func (s *Store) watchDisk() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() {
		select {
		case <-s.failed:
		case <-ctx.Done():
			return
		}
		if s.awaitDisk(ctx) && s.config.RestartHelps != nil {
			s.config.RestartHelps(errRestartHelps)
		}
	})
}

// awaitDisk returns true when the disk accepts writes, and false when ctx ends.
func (s *Store) awaitDisk(ctx context.Context) bool {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
		err := s.engine.ProbeDisk()
		if err == nil {
			return true
		}
		klog.FromContext(ctx).V(2).Info("The disk does not accept writes yet", "reason", err)
	}
}
