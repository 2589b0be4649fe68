// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"fmt"
	"time"

	basemetrics "k8s.io/component-base/metrics"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// Source is an open store.
type Source interface {
	// Stats returns the engine's statistics.
	Stats() engine.Stats
	// Indexes returns the names of the indexes, IndexReady whether one is built.
	Indexes() []string
	IndexReady(name string) bool
	// OldestWrite returns when the event that expires next was written last; the
	// zero time when there is none.
	OldestWrite(ctx context.Context) (time.Time, error)
}

// Read makes each scrape read the source as well. It may be called once.
func (s *Store) Read(source Source) error {
	for _, index := range append(source.Indexes(), noIndex) {
		// So that the first list is an increase and not a beginning.
		s.lists.WithLabelValues(index).Add(0)
		s.listsRead.WithLabelValues(index).Add(0)
		s.listsReturned.WithLabelValues(index).Add(0)
	}
	if err := s.registry.own.CustomRegister(newCollector(source)); err != nil {
		return fmt.Errorf("registering the metrics of the store: %w", err)
	}
	return nil
}

// collector reads a source.
type collector struct {
	basemetrics.BaseStableCollector
	source     Source
	figures    []figure
	oldest     *basemetrics.Desc
	indexReady *basemetrics.Desc
	size       *basemetrics.Desc
}

// figure is one number of the engine's statistics.
type figure struct {
	desc  *basemetrics.Desc
	kind  basemetrics.ValueType
	value func(stats *engine.Stats) float64
}

func newCollector(source Source) *collector {
	return &collector{
		source:  source,
		figures: figures(),
		oldest: desc("oldest_event_age_seconds",
			"Time since the event that expires next was last written, in seconds; 0 when there is none."),
		indexReady: desc("index_ready",
			"1 when the index covers all events, 0 while it is being built, or that is blocked, and lists by it scan.", "index"),
		// What etcd's own size is under, help included: both may be in one process.
		size: basemetrics.NewDesc("apiserver_storage_size_bytes", "Size of the storage database file physically allocated in bytes.",
			[]string{"storage_cluster_id"}, nil, basemetrics.STABLE, ""),
	}
}

func desc(name, help string, labels ...string) *basemetrics.Desc {
	return basemetrics.NewDesc(basemetrics.BuildFQName(namespace, subsystem, name), help, labels, nil, basemetrics.ALPHA, "")
}

func figures() []figure {
	gauge := func(name, help string, value func(*engine.Stats) float64) figure {
		return figure{desc(name, help), basemetrics.GaugeValue, value}
	}
	counter := func(name, help string, value func(*engine.Stats) float64) figure {
		return figure{desc(name, help), basemetrics.CounterValue, value}
	}
	return []figure{
		gauge("events", "Events that are stored.",
			func(s *engine.Stats) float64 { return float64(s.Keys) }),
		gauge("event_bytes", "Bytes of the stored events as they are, with their keys, before compression.",
			func(s *engine.Stats) float64 { return float64(s.Bytes) }),
		gauge("disk_bytes", "Bytes that the store takes on disk.",
			func(s *engine.Stats) float64 { return float64(s.DiskBytes) }),
		gauge("disk_free_bytes", "Bytes that are free on the disk of the store.",
			func(s *engine.Stats) float64 { return float64(s.FreeBytes) }),
		gauge("watch_buffer_bytes", "Memory of the change buffer, from which watches are served, in bytes.",
			func(s *engine.Stats) float64 { return float64(s.ChangeBufferBytes) }),
		gauge("revision", "The newest revision; each write makes one.",
			func(s *engine.Stats) float64 { return float64(s.Revision) }),
		gauge("compact_revision", "The revision up to which history is compacted: the oldest one that can be read and watched from.",
			func(s *engine.Stats) float64 { return float64(s.CompactRevision) }),
		gauge("compact_revision_age_seconds", "Time since the compact revision was the newest one, in seconds, or since the start of the process if that is less.",
			func(s *engine.Stats) float64 { return age(s.CompactRevisionTime) }),
		counter("block_cache_hits_total", "Blocks of sstables that reads found in the block cache.",
			func(s *engine.Stats) float64 { return float64(s.CacheHits) }),
		counter("block_cache_misses_total", "Blocks of sstables that reads had to load from the disk.",
			func(s *engine.Stats) float64 { return float64(s.CacheMisses) }),
		gauge("refusing_writes", "1 while writes are refused for lack of disk space, else 0.",
			func(s *engine.Stats) float64 { return number(s.Refusing) }),
		counter("refused_writes_total", "Writes that were refused for lack of disk space.",
			func(s *engine.Stats) float64 { return float64(s.Refused) }),
		gauge("clock_jump_seconds", "By how much the clock has jumped, in seconds and below 0 if back, while events do not expire by it; 0 when they do.",
			func(s *engine.Stats) float64 { return s.ClockJump.Seconds() }),
		gauge("write_failed", "1 after a write to the disk has failed, when all writes fail until a restart, else 0.",
			func(s *engine.Stats) float64 { return number(s.Failed) }),
	}
}

// DescribeWithStability implements basemetrics.StableCollector.
func (c *collector) DescribeWithStability(ch chan<- *basemetrics.Desc) {
	for _, figure := range c.figures {
		ch <- figure.desc
	}
	ch <- c.oldest
	ch <- c.indexReady
	ch <- c.size
}

// oldestTimeout is how long a scrape waits for the decryption of an event.
const oldestTimeout = time.Second

// CollectWithStability implements basemetrics.StableCollector.
func (c *collector) CollectWithStability(ch chan<- basemetrics.Metric) {
	stats := c.source.Stats()
	for _, figure := range c.figures {
		ch <- basemetrics.NewLazyConstMetric(figure.desc, figure.kind, figure.value(&stats))
	}
	ch <- basemetrics.NewLazyConstMetric(c.size, basemetrics.GaugeValue, float64(stats.DiskBytes), genericBackend)
	for _, index := range c.source.Indexes() {
		ch <- basemetrics.NewLazyConstMetric(c.indexReady, basemetrics.GaugeValue, number(c.source.IndexReady(index)), index)
	}
	ctx, cancel := context.WithTimeout(context.Background(), oldestTimeout)
	defer cancel()
	written, err := c.source.OldestWrite(ctx)
	if err != nil {
		// No number is better than a wrong one.
		klog.Background().V(2).Info("The age of the oldest event is unknown", "reason", err)
		return
	}
	ch <- basemetrics.NewLazyConstMetric(c.oldest, basemetrics.GaugeValue, age(written))
}

// age is in seconds. The clock may have been turned back.
func age(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, time.Since(since).Seconds())
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
