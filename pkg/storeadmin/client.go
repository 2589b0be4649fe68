// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrNoServer is returned if no server listens on the socket of a data directory. One may be
// starting nevertheless.
var ErrNoServer = errors.New("no server answers for the data directory")

// Client sends requests to the server of a data directory.
type Client struct{ http *http.Client }

// NewClient returns a client of the server that uses the data directory. It does not check
// that there is one.
func NewClient(dir string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
		// A client makes one request.
		DisableKeepAlives: true,
	}}}
}

// Snapshot returns a snapshot of the running store, which the caller must read to its end and
// close. If the server fails in between, reading returns the reason. If there is no server,
// it returns ErrNoServer.
func (c *Client) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	response, err := c.send(ctx, http.MethodGet, snapshotPath, nil) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &streamBody{response}, nil
}

// Compact makes the server compact up to a revision, the newest one if upTo is 0. If there is
// no server, it returns ErrNoServer.
func (c *Client) Compact(ctx context.Context, upTo uint64) (Compaction, error) {
	path := compactPath
	if upTo != 0 {
		path += "?revision=" + strconv.FormatUint(upTo, 10)
	}
	response, err := c.send(ctx, http.MethodPost, path, nil)
	if err != nil {
		return Compaction{}, err
	}
	defer response.Body.Close()
	var done Compaction
	if err := json.NewDecoder(response.Body).Decode(&done); err != nil {
		return Compaction{}, fmt.Errorf("reading the server's answer: %w", err)
	}
	return done, nil
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	// The host is ignored: the socket has one server.
	request, err := http.NewRequestWithContext(ctx, method, "http://server"+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking the server: %w", err)
	}
	response, err := c.http.Do(request)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNoServer
	case err != nil:
		return nil, fmt.Errorf("asking the server: %w", err)
	case response.StatusCode != http.StatusOK:
		defer response.Body.Close()
		return nil, fmt.Errorf("the server answered: %s", reason(response))
	}
	return response, nil
}

// maxReason is the number of bytes read of an error response.
const maxReason = 4 << 10

func reason(response *http.Response) string {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
	if text := strings.TrimSpace(string(body)); err == nil && text != "" {
		return text
	}
	return response.Status
}

// streamBody is the body of a response that may have failureTrailer.
type streamBody struct{ response *http.Response }

// Read implements io.Reader. At the end of an incomplete body it returns the reason instead
// of io.EOF.
func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.response.Body.Read(p)
	if errors.Is(err, io.EOF) {
		if failure := b.response.Trailer.Get(failureTrailer); failure != "" {
			err = fmt.Errorf("the server failed: %s", failure)
		}
	}
	return n, err
}

// Close implements io.Closer.
func (b *streamBody) Close() error { return b.response.Body.Close() }
