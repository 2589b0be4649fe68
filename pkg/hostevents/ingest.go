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
)

const (
	// positionInterval is how often the position is stored.
	positionInterval = time.Second
	// positionChanges is after how many changes it is stored in any case.
	positionChanges = 500
	// positionTimeout is for storing it at the end.
	positionTimeout = 5 * time.Second
)

// ingest takes in the host's events for as long as this process leads.
type ingest struct {
	bridge  *Bridge
	mark    *watermark
	workers *workers
	// saved and savedDone are the position as last stored, and how many changes
	// had been stored then.
	saved, savedDone uint64
}

// lead works while this process is the leader.
func (b *Bridge) lead(ctx context.Context) {
	mark := &watermark{}
	b.state.leading(true, mark.oldest)
	defer b.state.leading(false, nil)
	ctx, stop := context.WithCancel(ctx)
	in := &ingest{bridge: b, mark: mark, workers: startWorkers(ctx, mark)}
	var others wait.Group
	if b.Mirrors() {
		others.StartWithContext(ctx, newDrainer(b).run)
	}
	others.StartWithContext(ctx, in.keepPosition)
	in.run(ctx)
	stop()
	in.workers.ended.Wait()
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
			klog.FromContext(ctx).Info("Lost the host cluster's events; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay.Step()):
		}
	}
}

// follow watches from the position, or lists first where that is not possible.
func (in *ingest) follow(ctx context.Context) error {
	position, err := in.position(ctx)
	if err != nil {
		return err
	}
	// A watch from a version that is yet to come would wait for it in silence.
	newest, err := in.bridge.config.Host.List(ctx, "", 1)
	if err != nil {
		return err
	}
	if err := in.bridge.compareVersions(ctx, newest.Version); err != nil {
		return err
	}
	if err := in.bridge.buryQueued(ctx); err != nil {
		return err
	}
	setBack := newest.Version < position
	if position == 0 || setBack {
		if position, err = in.list(ctx, setBack); err != nil {
			return err
		}
	}
	err = in.watch(ctx, position)
	if !errors.Is(err, ErrExpired) {
		return err
	}
	klog.FromContext(ctx).Info("The host cluster does not remember where its events were left; listing them", "position", position)
	if position, err = in.list(ctx, false); err != nil {
		return err
	}
	return in.watch(ctx, position)
}

// position is where to go on: in this process, or after a former one.
func (in *ingest) position(ctx context.Context) (uint64, error) {
	// What was given to the workers is stored by them, so nothing is to be read
	// again.
	if err := in.workers.settled(ctx); err != nil {
		return 0, err
	}
	if reached, _ := in.mark.position(); reached != 0 {
		return reached, nil
	}
	stored, err := in.bridge.config.Records.Position(ctx)
	if err == nil {
		in.mark.set(stored)
	}
	return stored, err
}

// watch takes in what follows the version.
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
		if err := in.take(ctx, change); err != nil {
			return err
		}
	}
}

func (in *ingest) take(ctx context.Context, change Change) error {
	if change.Event == nil {
		in.mark.pass(change.Version)
		return nil
	}
	key := KeyOf(change.Event)
	return in.workers.give(ctx, key, change.Version, sizeOf(change.Event), func(ctx context.Context) error {
		defer in.bridge.Lock(key)()
		return in.bridge.takeChange(ctx, change)
	})
}

// keepPosition stores the position now and then, and at the end.
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
		_, done := in.mark.position()
		if time.Since(last) >= positionInterval || done-in.savedDone >= positionChanges {
			in.savePosition(ctx)
			last = time.Now()
		}
	}
}

// saveLastPosition stores the position once nothing is stored any more.
func (in *ingest) saveLastPosition(ended context.Context) {
	in.workers.ended.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), positionTimeout)
	defer cancel()
	in.savePosition(ctx)
}

func (in *ingest) savePosition(ctx context.Context) {
	reached, done := in.mark.position()
	if reached == 0 || reached == in.saved {
		return
	}
	if err := in.bridge.config.Records.SetPosition(ctx, reached); err != nil {
		klog.FromContext(ctx).Error(err, "Failed to store up to where the host cluster's events were taken in")
		return
	}
	in.saved, in.savedDone = reached, done
}
