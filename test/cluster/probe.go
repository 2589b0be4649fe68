// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// trust names the files a probe needs. They are read at each probe: a component
// may make its certificate only while it starts.
type trust struct {
	ca        string
	cert, key string // the client's own, if it needs one
}

// probeHTTP returns a probe that wants status 200 from the address.
func probeHTTP(address string, t trust) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := t.client()
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return fmt.Errorf("making a probe: %w", err)
		}
		response, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("probing: %w", err)
		}
		defer response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
		body, _ := io.ReadAll(io.LimitReader(response.Body, probeBodyLimit))
		return fmt.Errorf("probing %s: %s %s", address, response.Status, failedChecks(string(body)))
	}
}

// probeBodyLimit is more than any answer to a probe.
const probeBodyLimit = 64 << 10

// failedChecks picks out of the answer of a Kubernetes component the checks that
// failed, among dozens that did not.
func failedChecks(body string) string {
	var failed []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "[-]") {
			failed = append(failed, strings.TrimSpace(line))
		}
	}
	return strings.Join(failed, ", ")
}

func (t trust) client() (*http.Client, error) {
	if t.ca == "" {
		return &http.Client{Transport: &http.Transport{}}, nil
	}
	ca, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, fmt.Errorf("reading the authority for a probe: %w", err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", t.ca)
	}
	if t.cert != "" {
		own, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate for a probe: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
}
