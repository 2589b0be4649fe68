// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents/internal/pipeline"
)

const (
	// positionInterval is how often the position is stored.
	positionInterval = time.Second
	// positionChanges is the number of changes after which it is stored in any case.
	positionChanges = 500
	// positionTimeout is for storing it at the end.
	positionTimeout = 5 * time.Second
)

// ingest stores the host's events while this process leads.
type ingest struct {
	bridge   *Bridge
	pipeline *pipeline.Pipeline
	// saved and savedDone are the position that was stored last, and how many changes
	// had been stored then.
	saved, savedDone uint64
}

// lead runs while this process is the leader.
func (b *Bridge) lead(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	in := &ingest{bridge: b, pipeline: pipeline.Start(ctx)}
	b.state.leading(true, in.pipeline.Oldest)
	defer b.state.leading(false, nil)
	var others wait.Group
	if b.Mirrors() {
		others.StartWithContext(ctx, newDrainer(b).run)
	}
	others.StartWithContext(ctx, in.keepPosition)
	in.run(ctx)
	stop()
	in.pipeline.Wait()
	others.Wait()
}

// run follows the host until the context ends.
func (in *ingest) run(ctx context.Context) {
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 6, Cap: 5 * time.Second}
	delay := backoff
	for ctx.Err() == nil {
		began := time.Now()
		err := in.follow(ctx)
		in.bridge.state.connected(false)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > backoff.Cap {
			delay = backoff
		}
		if !errors.Is(err, io.EOF) {
			in.bridge.state.watchFailed(err)
			klog.FromContext(ctx).Info("Failed to follow the events of the host cluster; retrying", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay.Step()):
		}
	}
}

// follow watches from the position, or lists first if that is not possible.
func (in *ingest) follow(ctx context.Context) error {
	position, err := in.position(ctx)
	if err != nil {
		return err
	}
	// A watch from a future version would wait for it without an error.
	newest, err := in.bridge.config.Host.List(ctx, "", 1)
	if err != nil {
		return err
	}
	if err := in.bridge.compareVersions(ctx, newest.Version); err != nil {
		return err
	}
	if err := in.bridge.tombstoneQueued(ctx); err != nil {
		return err
	}
	rewound := newest.Version < position
	if position == 0 || rewound {
		if position, err = in.list(ctx, rewound); err != nil {
			return err
		}
	}
	err = in.watch(ctx, position)
	if !errors.Is(err, ErrExpired) {
		return err
	}
	klog.FromContext(ctx).Info("The host cluster has compacted the position of the watch; listing its events", "position", position)
	if position, err = in.list(ctx, false); err != nil {
		return err
	}
	return in.watch(ctx, position)
}

// position is where to continue: in this process, or after an earlier one.
func (in *ingest) position(ctx context.Context) (uint64, error) {
	// The pipeline stores what it was given, so nothing need be read again.
	if err := in.pipeline.Idle(ctx); err != nil {
		return 0, err
	}
	if reached, _ := in.pipeline.Position(); reached != 0 {
		return reached, nil
	}
	stored, err := in.bridge.config.Outbox.Position(ctx)
	if err == nil {
		in.pipeline.Reset(stored)
	}
	return stored, err
}

// watch ingests the changes after the version.
func (in *ingest) watch(ctx context.Context, after uint64) error {
	stream, err := in.bridge.config.Host.Watch(ctx, after)
	if err != nil {
		return err
	}
	defer stream.Close()
	in.bridge.state.connected(true)
	for {
		change, err := stream.Next(ctx)
		if err != nil {
			return err
		}
		if err := in.enqueue(ctx, change); err != nil {
			return err
		}
	}
}

func (in *ingest) enqueue(ctx context.Context, change Change) error {
	if change.Event == nil {
		in.pipeline.Skip(change.Version)
		return nil
	}
	key := KeyOf(change.Event)
	return in.pipeline.Enqueue(ctx, key.String(), change.Version, sizeOf(change.Event), func(ctx context.Context) error {
		defer in.bridge.Lock(key)()
		return in.bridge.applyChange(ctx, change)
	})
}

// keepPosition stores the position at intervals, and at the end.
func (in *ingest) keepPosition(ctx context.Context) {
	ticker := time.NewTicker(positionInterval / 10)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			in.saveLastPosition(ctx)
			return
		case <-ticker.C:
		}
		_, done := in.pipeline.Position()
		if time.Since(last) >= positionInterval || done-in.savedDone >= positionChanges {
			in.savePosition(ctx)
			last = time.Now()
		}
	}
}

// saveLastPosition stores the position after the last change is stored.
func (in *ingest) saveLastPosition(ended context.Context) {
	in.pipeline.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), positionTimeout)
	defer cancel()
	in.savePosition(ctx)
}

func (in *ingest) savePosition(ctx context.Context) {
	reached, done := in.pipeline.Position()
	if reached == 0 || reached == in.saved {
		return
	}
	if err := in.bridge.config.Outbox.SetPosition(ctx, reached); err != nil {
		klog.FromContext(ctx).Error(err, "Failed to store the position in the host cluster's events")
		return
	}
	in.saved, in.savedDone = reached, done
}

// compareVersions warns when the resource versions of this server are above the
// host's. Clients keep ours. If the group is given back to the host, a watch from a
// version that the host has not reached waits without an error until it has; one from
// a lower version that it has compacted ends with 410, after which clients list
// again.
func (b *Bridge) compareVersions(ctx context.Context, newestInHost uint64) error {
	ours, err := b.config.Local.Revision(ctx)
	if err != nil {
		return err
	}
	ahead := ours >= newestInHost
	b.state.change(func(status *Status) { status.VersionsAhead = ahead })
	if ahead {
		klog.FromContext(ctx).Info("Resource versions here are above those of the host cluster: restart clients that watch events.k8s.io after the group is given back to it",
			"version", ours, "hostVersion", newestInHost)
	}
	return nil
}
