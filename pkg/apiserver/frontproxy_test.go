// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// request is one of the aggregator, or of a probe without certificate.
func request(ctx context.Context, withCertificate bool) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/apis/events.k8s.io/v1", nil)
	r.TLS = &tls.ConnectionState{}
	if withCertificate {
		r.TLS.PeerCertificates = []*x509.Certificate{{}}
	}
	return r
}

func TestFrontProxy_Hold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		withCertificate bool
		loadedAfter     time.Duration
		wantStatus      int
		wantWait        bool
	}{
		"authority is known":      {true, 0, http.StatusOK, false},
		"authority comes":         {true, time.Second, http.StatusOK, true},
		"authority does not come": {true, time.Hour, http.StatusServiceUnavailable, true},
		"probe does not wait":     {false, time.Hour, http.StatusOK, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				proxy := &frontProxy{verifyOptions: func() (x509.VerifyOptions, bool) {
					return x509.VerifyOptions{}, time.Since(start) >= test.loadedAfter
				}}
				recorder := httptest.NewRecorder()
				handler := proxy.hold(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
				handler.ServeHTTP(recorder, request(t.Context(), test.withCertificate))
				if recorder.Code != test.wantStatus {
					t.Errorf("got status %d, want %d", recorder.Code, test.wantStatus)
				}
				if waited := time.Since(start) > 0; waited != test.wantWait {
					t.Errorf("waited %s, want a wait: %v", time.Since(start), test.wantWait)
				}
				if refused := recorder.Code != http.StatusOK; refused != (recorder.Header().Get("Retry-After") != "") {
					t.Errorf("status %d with Retry-After %q", recorder.Code, recorder.Header().Get("Retry-After"))
				}
			})
		})
	}
}

func TestFrontProxy_EndsWithTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	proxy := &frontProxy{verifyOptions: func() (x509.VerifyOptions, bool) { return x509.VerifyOptions{}, false }}
	if proxy.wait(request(ctx, true)) {
		t.Error("an ended request waited until the authority was known, which it never is")
	}
}

func TestFrontProxy_ReadyzCheck(t *testing.T) {
	t.Parallel()
	var known atomic.Bool
	proxy := &frontProxy{verifyOptions: func() (x509.VerifyOptions, bool) { return x509.VerifyOptions{}, known.Load() }}
	check := proxy.readyzCheck()
	if check.Check(nil) == nil {
		t.Error("ready without the authority")
	}
	known.Store(true)
	if err := check.Check(nil); err != nil {
		t.Errorf("not ready with the authority: %v", err)
	}
}
