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

// Rewrite is how far a rewrite is, and in the end what it did.
type Rewrite struct {
	// Looked is how many entries were looked at, Written how many of them were
	// written again, and Unreadable how many could not be decrypted and are as
	// they were.
	Looked     int64 `json:"looked"`
	Written    int64 `json:"written"`
	Unreadable int64 `json:"unreadable"`
	// Examples has the reasons of the first unreadable ones.
	Examples []string `json:"examples,omitempty"`
}

// importAnswer is what a server answers about an import.
type importAnswer struct {
	Result transfer.Result `json:"result"`
	// Error is why the import did not reach its end; empty if it did.
	Error string `json:"error,omitempty"`
}

// rewriteLine is one of the JSON objects that a server answers about a rewrite,
// each on a line, the last with Done or Error.
type rewriteLine struct {
	Rewrite
	Done  bool   `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// Export returns an export of the running store, to be read to its end and to be
// closed. If the server cannot go on, reading it ends with the reason. It returns
// ErrNoServer if there is none.
func (c *Client) Export(ctx context.Context) (io.ReadCloser, error) {
	response, err := c.send(ctx, http.MethodGet, exportPath, nil) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &streamBody{response}, nil
}

// Import lets the server import an export, and returns what became of it, also with
// an error. It returns ErrNoServer, and has read nothing, if there is none.
func (c *Client) Import(ctx context.Context, r io.Reader) (transfer.Result, error) {
	// Without its Close: the caller still needs it if there is no server.
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

// Rewrite lets the server encrypt all events with the key in use, and returns what
// it did, also with an error. Progress is called now and then. It returns
// ErrNoServer if there is none.
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
		// Closing the connection on a client that still sends could cost it the
		// answer.
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
	// One that the client does not get says nothing about the rewrite; if the client
	// has gone, the context ends.
	send := func(line rewriteLine) { _ = errors.Join(lines.Encode(line), control.Flush()) }
	result, err := store.Rewrite(r.Context(), func(soFar Rewrite) { send(rewriteLine{Rewrite: soFar}) })
	logOutcome(r.Context(), "rewrite of all events", err)
	last := rewriteLine{Rewrite: result, Done: err == nil}
	if err != nil {
		last.Error = err.Error()
	}
	send(last)
}
