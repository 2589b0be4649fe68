// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"crypto/x509"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/apiserver/pkg/server/healthz"
)

const (
	frontProxyCheck = "front-proxy-ca-loaded"
	// frontProxyTimeout is how long a request waits at most. kube-apiserver
	// gives the server behind an APIService 5 s to answer its probe.
	frontProxyTimeout = 4 * time.Second
	frontProxyPoll    = 10 * time.Millisecond
)

// errFrontProxyUnknown is for when the authority of kube-apiserver's aggregator
// has not been read yet.
var errFrontProxyUnknown = errors.New("the authority of kube-apiserver's front proxy has not been read from the cluster yet")

// frontProxy closes a gap of the generic server. It serves before it has read
// the authority by which kube-apiserver's aggregator proves who it is, and takes
// the requests of that moment for anonymous ones. They would be refused with
// 403, at which a recorder drops its event.
type frontProxy struct {
	verifyOptions func() (x509.VerifyOptions, bool)
	loaded        atomic.Bool
}

func (f *frontProxy) ready() bool {
	if f.loaded.Load() {
		return true
	}
	if _, ok := f.verifyOptions(); ok {
		f.loaded.Store(true)
		return true
	}
	return false
}

// readyzCheck keeps a pod out of its Service until the authority is known.
func (f *frontProxy) readyzCheck() healthz.HealthChecker {
	return healthz.NamedCheck(frontProxyCheck, func(*http.Request) error {
		if !f.ready() {
			return errFrontProxyUnknown
		}
		return nil
	})
}

// hold lets a request with a client certificate, the aggregator's among them,
// wait for the authority; where the Service does not look at readiness there is
// nothing else between it and a 403. Probes have no certificate and pass.
func (f *frontProxy) hold(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.ready() || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || f.wait(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "1")
		http.Error(w, errFrontProxyUnknown.Error(), http.StatusServiceUnavailable)
	})
}

func (f *frontProxy) wait(r *http.Request) bool {
	ticker := time.NewTicker(frontProxyPoll)
	defer ticker.Stop()
	deadline := time.NewTimer(frontProxyTimeout)
	defer deadline.Stop()
	for {
		select {
		case <-ticker.C:
			if f.ready() {
				return true
			}
		case <-deadline.C:
			return false
		case <-r.Context().Done():
			return false
		}
	}
}
