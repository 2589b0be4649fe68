// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine/internal/disk"
)

// firstRevision is the revision of an empty store, so that 0 can mean "the
// newest" and "none" everywhere.
const firstRevision = 1

// Engine is one open data directory. All its methods may be called by many
// goroutines at once.
type Engine struct {
	config   Config
	clock    *deadlineClock
	db       *pebble.DB
	lock     *pebble.Lock
	indexes  []*index
	changes  *changeBuffer
	inFlight inFlightGate

	// published is the newest revision that is on disk; readers see none above.
	published         atomic.Uint64
	publishedCounters atomic.Pointer[counters]
	// compact revision must be raised before the first row that only older revisions
	// could show is removed: readers open their iterator first and look at
	// compact revision afterwards.
	compactRevision atomic.Uint64
	// compactRevisionTime is when compactRevision was the newest revision, as far as it is known,
	// in nanoseconds since 1970.
	compactRevisionTime atomic.Int64
	failure             atomic.Pointer[error]
	space               *disk.Guard
	retry               *disk.Retry
	files               files
	// nextToExpire is the key of the first expiry row when it was looked at last.
	nextToExpire atomic.Pointer[[]byte]
	// snapshots counts those that were begun, for the names of their directories.
	snapshots atomic.Uint64

	// rowLock is held by the writer from reading the state of keys until its
	// batch is applied, and by whoever else removes or adds rows that depend on
	// what else is there.
	rowLock sync.Mutex
	// last and counted are the state after the last applied batch, and rows the
	// memory of its rows. Only the writer uses them.
	last    Revision
	counted counters
	rows    orderedRows
	// expiry is guarded by rowLock.
	expiry expiryCursor
	// groups count what is published.
	groups groupCounts

	// compactLock lets one compaction run at a time. It guards compacted, the
	// revision up to which change rows have been worked through.
	compactLock sync.Mutex
	compacted   Revision
	expireLock  sync.Mutex

	requests   chan *request
	background chan *request
	pool       requestPool
	// applied takes no group until the one before is on disk. If more of them
	// could wait, each would be smaller.
	applied chan *group

	// stopping ends when Close begins; stopBackground ends background work.
	stopping       chan struct{}
	stopBackground context.CancelFunc
	backgroundWork sync.WaitGroup
	writing        sync.WaitGroup
}

func newEngine(config Config) *Engine {
	e := &Engine{
		config:     config,
		clock:      newDeadlineClock(config),
		changes:    newChangeBuffer(config.ChangeBufferBytes),
		groups:     groupCounts{separator: config.Separator},
		requests:   make(chan *request, maxGroupOps),
		background: make(chan *request),
		applied:    make(chan *group),
		stopping:   make(chan struct{}),
	}
	e.publishedCounters.Store(&counters{})
	e.compactRevisionTime.Store(config.Now().UnixNano())
	e.space = disk.NewGuard(config.FS, config.Dir, config.MinFreeBytes, config.Listener.Space)
	e.retry = disk.NewRetry(e.space.SetFull)
	if config.ReadOnly {
		err := ErrReadOnly
		e.failure.Store(&err)
	}
	return e
}

// start runs what Close ends.
func (e *Engine) start() {
	e.writing.Go(e.write)
	e.writing.Go(e.publish)

	ctx, cancel := context.WithCancel(context.Background())
	e.stopBackground = cancel
	if !e.config.KeepIndexes {
		e.backgroundWork.Go(func() { e.keepBackfilling(ctx) })
	}
	if !e.config.KeepIndexes && e.config.Separator != 0 {
		e.backgroundWork.Go(func() { e.keepCounting(ctx) })
	}
	if e.config.manual || e.config.ReadOnly {
		return
	}
	e.backgroundWork.Go(func() { e.space.Run(ctx) })
	e.backgroundWork.Go(func() { e.keepExpiring(ctx) })
	if e.config.HistoryRetention > 0 {
		e.backgroundWork.Go(func() { e.keepCompacting(ctx) })
	}
}

// Close ends all subscriptions and background work and waits for it. Commits
// and reads that have begun are finished first.
//
// While the disk is full that may not come to an end. Then Close returns
// ErrDiskFull after a while, and the directory is closed with the process or when
// there is room. What was acknowledged is safe in both cases.
func (e *Engine) Close() error {
	if !e.inFlight.close() {
		return ErrClosed
	}
	close(e.stopping)
	e.stopBackground()
	ended := make(chan error, 1)
	go func() { ended <- e.end() }()
	ticker := time.NewTicker(diskFullTimeout)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return wrap("closing the engine", err)
		case <-ticker.C:
			if e.retry.FullFor() > closeTimeout {
				return fmt.Errorf("closing the engine: %w", ErrDiskFull)
			}
		}
	}
}

// closeTimeout is how long Close waits for room on the disk.
const closeTimeout = 5 * time.Second

// end waits for all that runs and closes the directory.
func (e *Engine) end() error {
	e.backgroundWork.Wait()
	e.inFlight.wait()
	close(e.requests)
	e.writing.Wait()
	var err error
	if e.failed() == nil {
		if !e.config.KeepIndexes {
			err = e.saveClock()
		}
		// What is in files by now need not be read from the log when the directory
		// is opened again.
		err = errors.Join(err, e.db.Flush())
	}
	return errors.Join(err, e.db.Close(), e.lock.Close())
}

// Revision returns the newest published revision: all commits up to it are
// durable and visible, and none above it is. A new, empty store has revision 1.
func (e *Engine) Revision() Revision { return Revision(e.published.Load()) }

// CompactRevision returns the oldest revision that can still be read and subscribed
// after. It is 1 in a new store and never above Revision.
func (e *Engine) CompactRevision() Revision { return Revision(e.compactRevision.Load()) }

// fail ends all writing and returns the reason, which is the first one.
func (e *Engine) fail(err error) error {
	if !errors.Is(err, ErrFailed) {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	if e.failure.CompareAndSwap(nil, &err) && e.config.Listener.Failed != nil {
		e.config.Listener.Failed(err)
	}
	return e.failed()
}

// failed returns why nothing can be written any more, or nil.
func (e *Engine) failed() error {
	if err := e.failure.Load(); err != nil {
		return *err
	}
	return nil
}

func (e *Engine) backgroundError(doing string, err error) {
	if e.config.Listener.BackgroundError != nil {
		e.config.Listener.BackgroundError(doing, err)
	}
}

// now is the time up to which deadlines have passed.
func (e *Engine) now() uint64 { return e.clock.due() }

// Deadline returns the deadline of what is written now and is to live for that
// long. It is of the clock that Config.ClockJumpHold is about: while it is unclear
// which of two times is right, it counts from the later one.
func (e *Engine) Deadline(timeToLive time.Duration) time.Time { return e.clock.later().Add(timeToLive) }
