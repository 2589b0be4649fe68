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

// ErrNoServer is returned when no server answers for a data directory. There may
// be one nevertheless that has only just been started.
var ErrNoServer = errors.New("no server answers for the data directory")

// Client asks the server of a data directory.
type Client struct{ http *http.Client }

// NewClient returns a client for the server that uses a data directory, if there
// is one.
func NewClient(dir string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
		// Each client asks one thing.
		DisableKeepAlives: true,
	}}}
}

// Snapshot returns a snapshot of the running store, to be read to its end and to
// be closed. If the server cannot go on, reading it ends with the reason. It
// returns ErrNoServer if there is none.
func (c *Client) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	response, err := c.send(ctx, http.MethodGet, snapshotPath, nil) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &streamBody{response}, nil
}

// Compact lets the server compact up to a revision, 0 being the newest one, and
// returns what it answers. It returns ErrNoServer if there is none.
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
	// The host is of no meaning: there is one server at the socket.
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

// maxReason bounds what is read of an error.
const maxReason = 4 << 10

func reason(response *http.Response) string {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
	if text := strings.TrimSpace(string(body)); err == nil && text != "" {
		return text
	}
	return response.Status
}

// streamBody is the body of an answer whose trailer may say that it is not
// whole.
type streamBody struct{ response *http.Response }

// Read reads on, and behind the end returns why it is one.
func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.response.Body.Read(p)
	if errors.Is(err, io.EOF) {
		if failure := b.response.Trailer.Get(failureTrailer); failure != "" {
			err = fmt.Errorf("the server could not go on: %s", failure)
		}
	}
	return n, err
}

// Close ends the request.
func (b *streamBody) Close() error { return b.response.Body.Close() }
