// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

// Rewrite is the progress of a rewrite, and in the end its result.
type Rewrite struct {
	// Scanned is the number of entries read so far. Of these, Written were written again,
	// and Unreadable could not be decrypted and are unchanged.
	Scanned    int64 `json:"scanned"`
	Written    int64 `json:"written"`
	Unreadable int64 `json:"unreadable"`
	// Examples has the errors of the first unreadable entries.
	Examples []string `json:"examples,omitempty"`
}

// importAnswer is the response to an import.
type importAnswer struct {
	Result transfer.Result `json:"result"`
	// Error is why the import was aborted; empty if it was not.
	Error string `json:"error,omitempty"`
}

// rewriteLine is a line of the response to a rewrite, a JSON object. The last one has Done or
// Error.
type rewriteLine struct {
	Rewrite
	Done  bool   `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// Export returns an export of the running store, which the caller must read to its end and
// close. If the server fails in between, reading returns the reason. If there is no server,
// it returns ErrNoServer.
func (c *Client) Export(ctx context.Context) (io.ReadCloser, error) {
	response, err := c.send(ctx, http.MethodGet, exportPath, nil) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &streamBody{response}, nil
}

// Import sends an export to the server to import, and returns the outcomes, also with an
// error. If there is no server, it returns ErrNoServer and has not read from r.
func (c *Client) Import(ctx context.Context, r io.Reader) (transfer.Result, error) {
	// The transport must not close r: if there is no server, the caller reads it.
	response, err := c.send(ctx, http.MethodPost, importPath, struct{ io.Reader }{r})
	if err != nil {
		return transfer.Result{}, err
	}
	defer response.Body.Close()
	var answer importAnswer
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return transfer.Result{}, fmt.Errorf("reading the server's answer: %w", err)
	}
	if answer.Error != "" {
		err = fmt.Errorf("the server answered: %s", answer.Error)
	}
	return answer.Result, err
}

// Rewrite makes the server encrypt all events with the key in use, and returns the result,
// also with an error. It calls progress at intervals. If there is no server, it returns
// ErrNoServer.
func (c *Client) Rewrite(ctx context.Context, progress func(Rewrite)) (Rewrite, error) {
	response, err := c.send(ctx, http.MethodPost, rewritePath, nil)
	if err != nil {
		return Rewrite{}, err
	}
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	var last rewriteLine
	for {
		var next rewriteLine
		if err := lines.Decode(&next); err != nil {
			return last.Rewrite, fmt.Errorf("reading the server's answer: %w", err)
		}
		last = next
		switch {
		case next.Error != "":
			return next.Rewrite, fmt.Errorf("the server answered: %s", next.Error)
		case next.Done:
			return next.Rewrite, nil
		}
		progress(next.Rewrite)
	}
}

func serveImport(w http.ResponseWriter, r *http.Request, store Store) {
	result, err := store.Import(r.Context(), r.Body)
	answer := importAnswer{Result: result}
	if err != nil {
		answer.Error = err.Error()
		// A client that still sends when the connection is closed may lose the response.
		_, drainErr := io.Copy(io.Discard, r.Body)
		err = errors.Join(err, drainErr)
	}
	logOutcome(r.Context(), "import", err)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		logOutcome(r.Context(), "answer about an import", err)
	}
}

func serveRewrite(w http.ResponseWriter, r *http.Request, store Store) {
	w.Header().Set("Content-Type", "application/json")
	lines, control := json.NewEncoder(w), http.NewResponseController(w)
	// A failure to send does not affect the rewrite. If the client disconnects, the context
	// is cancelled.
	send := func(line rewriteLine) { _ = errors.Join(lines.Encode(line), control.Flush()) }
	result, err := store.Rewrite(r.Context(), func(soFar Rewrite) { send(rewriteLine{Rewrite: soFar}) })
	logOutcome(r.Context(), "rewrite of all events", err)
	last := rewriteLine{Rewrite: result, Done: err == nil}
	if err != nil {
		last.Error = err.Error()
	}
	send(last)
}
