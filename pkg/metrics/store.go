// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"

	basemetrics "k8s.io/component-base/metrics"
)

const (
	namespace = "events_apiserver"
	subsystem = "store"
)

// noIndex is the label of a list that used no index.
const noIndex = "none"

// Store has the metrics of one embedded store.
type Store struct {
	registry *Registry

	commitDuration     *basemetrics.Histogram
	commitOperations   *basemetrics.Histogram
	compactionDuration *basemetrics.Histogram
	compactedChanges   *basemetrics.Counter
	expired            *basemetrics.Counter
	backgroundErrors   *basemetrics.Counter

	watchers       *basemetrics.Gauge
	watchersLagged *basemetrics.Counter
	watchersEnded  *basemetrics.Counter

	lists         *basemetrics.CounterVec
	listsRead     *basemetrics.CounterVec
	listsReturned *basemetrics.CounterVec
}

// NewStore registers the metrics of a store that is yet to be opened. It returns an
// error if the registry has those of another one.
func (r *Registry) NewStore() (*Store, error) {
	s := &Store{
		registry: r,

		commitDuration: histogram("commit_duration_seconds",
			"Time from the first write of a commit to its fsync, in seconds. One commit has all writes that waited.",
			basemetrics.ExponentialBuckets(0.0005, 2, 14)),
		commitOperations: histogram("commit_operations",
			"Writes in one commit, which share one fsync.",
			basemetrics.ExponentialBuckets(1, 2, 10)),
		compactionDuration: histogram("compaction_duration_seconds",
			"Time that a compaction of old revisions took, in seconds.",
			basemetrics.ExponentialBuckets(0.01, 4, 9)),
		compactedChanges: counter("compacted_changes_total",
			"Changes whose old revisions were compacted."),
		expired: counter("expired_events_total",
			"Events that were removed because their time to live was over."),
		backgroundErrors: counter("background_errors_total",
			"Failures of background work that is retried, such as compactions."),

		watchers: basemetrics.NewGauge(&basemetrics.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "watchers",
			Help: "Watches that are open.", StabilityLevel: basemetrics.ALPHA,
		}),
		watchersLagged: counter("watchers_lagged_total",
			"How often a watch fell so far behind that it had to read changes again from the store."),
		watchersEnded: counter("slow_watchers_ended_total",
			"Watches that were ended because their clients read nothing for too long."),

		lists: counterByIndex("lists_total",
			"Lists that the store answered, by the index that they used."),
		listsRead: counterByIndex("list_read_events_total",
			"Events that lists read, by the index that they used."),
		listsReturned: counterByIndex("list_returned_events_total",
			"Events that lists returned, by the index that they used."),
	}
	for _, metric := range []basemetrics.Registerable{
		s.commitDuration, s.commitOperations, s.compactionDuration, s.compactedChanges, s.expired, s.backgroundErrors,
		s.watchers, s.watchersLagged, s.watchersEnded, s.lists, s.listsRead, s.listsReturned,
	} {
		if err := r.own.Register(metric); err != nil {
			return nil, fmt.Errorf("registering %s: %w", metric.FQName(), err)
		}
	}
	return s, nil
}

func counter(name, help string) *basemetrics.Counter {
	return basemetrics.NewCounter(&basemetrics.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, StabilityLevel: basemetrics.ALPHA,
	})
}

func counterByIndex(name, help string) *basemetrics.CounterVec {
	return basemetrics.NewCounterVec(&basemetrics.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, StabilityLevel: basemetrics.ALPHA,
	}, []string{"index"})
}

func histogram(name, help string, buckets []float64) *basemetrics.Histogram {
	return basemetrics.NewHistogram(&basemetrics.HistogramOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets, StabilityLevel: basemetrics.ALPHA,
	})
}
