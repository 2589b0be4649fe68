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
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// The paths of the API.
const (
	snapshotPath = "/snapshot"
	compactPath  = "/compact"
	exportPath   = "/export"
	importPath   = "/import"
	rewritePath  = "/rewrite"
)

const (
	// failureTrailer is an HTTP trailer: why a snapshot or an export is incomplete.
	failureTrailer = "Snapshot-Failure"
	snapshotType   = "application/x-tar"
	exportType     = "application/json-seq"

	readHeaderTimeout = 10 * time.Second
)

// Compaction is the response to a compaction.
type Compaction struct {
	// CompactRevision is the oldest revision that can be read or watched from.
	CompactRevision uint64 `json:"compactRevision"`
}

// Server serves requests on the socket of a data directory.
type Server struct {
	dir    string
	http   *http.Server
	socket net.Listener
	ended  chan error
}

// Serve creates the socket in the directory and serves until Close. The caller must hold the
// lock of the directory.
func Serve(ctx context.Context, dir string, store Store) (*Server, error) {
	socket, err := listen(ctx, dir)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+snapshotPath, func(w http.ResponseWriter, r *http.Request) {
		serveStream(w, r, "snapshot", snapshotType, store.Snapshot)
	})
	mux.HandleFunc("GET "+exportPath, func(w http.ResponseWriter, r *http.Request) {
		serveStream(w, r, "export", exportType, store.Export)
	})
	mux.HandleFunc("POST "+importPath, func(w http.ResponseWriter, r *http.Request) { serveImport(w, r, store) })
	mux.HandleFunc("POST "+rewritePath, func(w http.ResponseWriter, r *http.Request) { serveRewrite(w, r, store) })
	mux.HandleFunc("POST "+compactPath, func(w http.ResponseWriter, r *http.Request) { serveCompaction(w, r, store) })
	s := &Server{
		dir:    dir,
		http:   &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout},
		socket: socket,
		ended:  make(chan error, 1),
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			s.ended <- err
		}
	}()
	return s, nil
}

// Close removes the socket and aborts running requests by cancelling their contexts. It may
// be called more than once.
func (s *Server) Close() error {
	// Without the socket no client connects to a server that does not respond.
	err := os.Remove(filepath.Join(s.dir, SocketName))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err := errors.Join(err, s.http.Close(), <-s.ended); err != nil {
		return fmt.Errorf("closing %s: %w", SocketName, err)
	}
	return nil
}

// serveStream responds with what write writes. If write fails after it has written
// something, the reason is in a trailer.
func serveStream(w http.ResponseWriter, r *http.Request, what, mediaType string, write func(context.Context, io.Writer) error) {
	w.Header().Set("Trailer", failureTrailer)
	w.Header().Set("Content-Type", mediaType)
	body := &countingWriter{w: w}
	err := write(r.Context(), body)
	logOutcome(r.Context(), what, err)
	switch {
	case err == nil:
	case body.n == 0:
		w.Header().Del("Trailer")
		answerError(w, err)
	default:
		w.Header().Set(failureTrailer, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// logOutcome logs whether a command succeeded.
func logOutcome(ctx context.Context, what string, err error) {
	if err != nil {
		klog.FromContext(ctx).Error(err, "Command for the data directory failed", "command", what)
		return
	}
	klog.FromContext(ctx).Info("Command for the data directory succeeded", "command", what)
}

func serveCompaction(w http.ResponseWriter, r *http.Request, store Store) {
	upTo, err := revisionOf(r)
	if err != nil {
		answerError(w, err)
		return
	}
	revision, err := store.Compact(r.Context(), upTo)
	if err != nil {
		answerError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(Compaction{CompactRevision: revision}); err != nil {
		klog.FromContext(r.Context()).Error(err, "Failed to send the response to a compaction")
	}
}

// revisionOf returns the query parameter revision, 0 if it is not set.
func revisionOf(r *http.Request) (uint64, error) {
	text := r.URL.Query().Get("revision")
	if text == "" {
		return 0, nil
	}
	revision, err := strconv.ParseUint(text, 10, 64)
	if err != nil || revision == 0 {
		return 0, &BadRequestError{Reason: fmt.Sprintf("revision %q is not a number above 0", text)}
	}
	return revision, nil
}

// answerError responds with the text of the error, which the command prints.
func answerError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if refused := new(BadRequestError); errors.As(err, &refused) {
		status = http.StatusBadRequest
	}
	if errors.Is(err, context.Canceled) {
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}

// countingWriter counts bytes. A write of no bytes is dropped, so that it does not send the
// header of the response.
type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countingWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
