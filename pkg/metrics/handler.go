// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	basemetrics "k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
)

const path = "/metrics"

// Over answers GET /metrics with the figures of the process and those of the
// store, and passes all else on to next.
func (s *Store) Over(next http.Handler) http.Handler {
	both := basemetrics.HandlerFor(prometheus.Gatherers{legacyregistry.DefaultGatherer, s.registry}, basemetrics.HandlerOpts{
		// A figure that cannot be had must not hide the others.
		ErrorHandling: basemetrics.ContinueOnError,
		ErrorLog:      errorLog{},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			both.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type errorLog struct{}

// Println is all that a handler wants of a log.
func (errorLog) Println(v ...any) {
	klog.Background().Error(nil, "A figure is missing in /metrics", "reason", v)
}
