// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbeHTTP(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n")
	}))
	t.Cleanup(server.Close)
	probe := probeHTTP(server.URL, trust{})
	if err := probe(t.Context()); err != nil {
		t.Errorf("for status 200: %v", err)
	}
	status = http.StatusInternalServerError
	err := probe(t.Context())
	if err == nil || !strings.Contains(err.Error(), "500") || !strings.Contains(err.Error(), "[-]etcd failed") || strings.Contains(err.Error(), "ping") {
		t.Errorf("got %v, want the status and the failed check alone", err)
	}
}

func TestProbeTrustsItsAuthorityOnly(t *testing.T) {
	t.Parallel()
	c := prepared(t)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	err := probeHTTP(server.URL, trust{ca: c.layout.pki(caCert)})(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want the server's certificate refused", err)
	}
}

func TestReadyGivesUpWithItsCaller(t *testing.T) {
	t.Parallel()
	c := fakeComponent(t, "exec sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	c.probe = func(context.Context) error {
		cancel()
		return errNoLine
	}
	err := c.Start(ctx)
	if err == nil || strings.Contains(err.Error(), "log") {
		t.Errorf("got %v, want an error without a log", err)
	}
}
