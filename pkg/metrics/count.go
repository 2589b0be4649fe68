// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	etcd3metrics "k8s.io/apiserver/pkg/storage/etcd3/metrics"
	storagemetrics "k8s.io/apiserver/pkg/storage/metrics"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storage"
)

// Listener returns what counts and passes on to next.
func (s *Store) Listener(next engine.Listener) engine.Listener {
	counting := next
	counting.Committed = func(ops int, took time.Duration) {
		s.commitOperations.Observe(float64(ops))
		s.commitDuration.Observe(took.Seconds())
		if next.Committed != nil {
			next.Committed(ops, took)
		}
	}
	counting.Expired = func(keys int) {
		s.expired.Add(float64(keys))
		if next.Expired != nil {
			next.Expired(keys)
		}
	}
	counting.Compacted = func(revision engine.Revision, changes int, took time.Duration) {
		s.compactionDuration.Observe(took.Seconds())
		s.compactedChanges.Add(float64(changes))
		if next.Compacted != nil {
			next.Compacted(revision, changes, took)
		}
	}
	counting.BackgroundError = func(doing string, err error) {
		s.backgroundErrors.Inc()
		if next.BackgroundError != nil {
			next.BackgroundError(doing, err)
		}
	}
	return counting
}

// genericBackend is the value of the label storage in the generic metrics of lists,
// which is "etcd" for etcd's lists and "watchcache" for those of a watch cache.
const genericBackend = "embedded"

// Observer counts what storage reports about a resource.
func (s *Store) Observer(resource schema.GroupResource) storage.Observer {
	return storage.Observer{
		WatchStarted:   s.watchers.Inc,
		WatchEnded:     s.watchers.Dec,
		WatcherLagged:  s.watchersLagged.Inc,
		WatcherStalled: s.watchersEnded.Inc,
		Changed:        func() { etcd3metrics.RecordEtcdEvent(resource) },
		Undecodable:    func() { etcd3metrics.RecordDecodeError(resource) },
		Listed: func(index string, looked, returned int, took time.Duration) {
			storagemetrics.RecordStorageListMetrics(resource, genericBackend, index, looked, looked, returned)
			etcd3metrics.RecordListLatency(resource, false, time.Now().Add(-took))
			index = cmp.Or(index, noIndex)
			s.lists.WithLabelValues(index).Inc()
			s.listsRead.WithLabelValues(index).Add(float64(looked))
			s.listsReturned.WithLabelValues(index).Add(float64(returned))
		},
	}
}
