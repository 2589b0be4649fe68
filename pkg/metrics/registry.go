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

// Registry has all metrics of one server that are not the generic ones of the
// process. Each server of a process has its own.
type Registry struct{ own basemetrics.KubeRegistry }

// NewRegistry returns a registry without metrics.
func NewRegistry() *Registry { return &Registry{basemetrics.NewKubeRegistry()} }

// Handler answers GET /metrics with the generic metrics of the process and those of
// the registry, and passes all else on to next.
func (r *Registry) Handler(next http.Handler) http.Handler {
	both := basemetrics.HandlerFor(prometheus.Gatherers{legacyregistry.DefaultGatherer, r.own}, basemetrics.HandlerOpts{
		// A metric that cannot be collected must not hide the others.
		ErrorHandling: basemetrics.ContinueOnError,
		ErrorLog:      errorLog{},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == path && (request.Method == http.MethodGet || request.Method == http.MethodHead) {
			both.ServeHTTP(w, request)
			return
		}
		next.ServeHTTP(w, request)
	})
}

type errorLog struct{}

// Println is all that a handler wants of a log.
func (errorLog) Println(v ...any) {
	klog.Background().Error(nil, "A metric is missing in /metrics", "reason", v)
}
