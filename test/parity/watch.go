// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// waitTimeout is for how long to wait for a change that a watch must send.
const waitTimeout = 20 * time.Second

// stream is a watch that is being read.
type stream struct {
	answer   answer
	response *http.Response
	cancel   context.CancelFunc
	changes  <-chan change
}

// change is one event of a watch, or why there are no more.
type change struct {
	tree any
	end  string
}

// isStream reports whether the answer to a watch is one. It is not when the
// request was refused.
func isStream(response *http.Response) bool {
	if response.StatusCode != http.StatusOK {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && (mediaType == "application/json" || mediaType == protobufType)
}

// newStream takes over the response. Cancel ends the request.
func newStream(response *http.Response, cancel context.CancelFunc) *stream {
	changes := make(chan change)
	s := &stream{
		answer:   answer{status: response.StatusCode, header: response.Header, style: "stream"},
		response: response, cancel: cancel, changes: changes,
	}
	next := jsonFrames(response.Body)
	if strings.HasPrefix(response.Header.Get("Content-Type"), protobufType) {
		next = protobufFrames(response.Body)
	}
	go func() {
		defer close(changes)
		for {
			tree, err := next()
			if err != nil {
				changes <- change{end: describeEnd(err)}
				return
			}
			changes <- change{tree: tree}
		}
	}()
	return s
}

func describeEnd(err error) string {
	if errors.Is(err, io.EOF) {
		return "ended by the server"
	}
	return "broken: " + err.Error()
}

func jsonFrames(body io.Reader) func() (any, error) {
	decoder := json.NewDecoder(body)
	return func() (tree any, err error) {
		err = decoder.Decode(&tree)
		return tree, err
	}
}

func protobufFrames(body io.ReadCloser) func() (any, error) {
	frames := protobuf.LengthDelimitedFramer.NewFrameReader(body)
	serializer := protobuf.NewRawSerializer(scheme.Scheme, scheme.Scheme)
	buffer := make([]byte, 4<<20)
	return func() (any, error) {
		n, err := frames.Read(buffer)
		if err != nil {
			return nil, err
		}
		var event metav1.WatchEvent
		if _, _, err := serializer.Decode(append([]byte(nil), buffer[:n]...), nil, &event); err != nil {
			return nil, fmt.Errorf("decoding a frame: %w", err)
		}
		return treeOfWatchEvent(&event)
	}
}

// read returns the next count changes, or all until the end, and how it ended.
// A watch that was read to its end, or in vain, is over.
func (s *stream) read(ctx context.Context, count int) *answer {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	events := []any{}
	end := "goes on"
	for count == 0 || len(events) < count {
		var c change
		select {
		case c = <-s.changes:
		case <-ctx.Done():
			c.end = fmt.Sprintf("no other change within %s", waitTimeout)
		}
		if c.end != "" {
			end = c.end
			s.close()
			break
		}
		if !isOrdinaryBookmark(c.tree) {
			events = append(events, c.tree)
		}
	}
	result := s.answer
	result.body = map[string]any{"events": events, "end": end}
	return &result
}

// close ends the watch and its reader.
func (s *stream) close() {
	s.cancel()
	_ = s.response.Body.Close()
	go func() {
		// Until its reader has seen the end.
		for range s.changes {
		}
	}()
}

// isOrdinaryBookmark finds bookmarks that a server sends when it likes to, as
// opposed to the one that ends the initial events.
func isOrdinaryBookmark(tree any) bool {
	event, _ := tree.(map[string]any)
	if event["type"] != "BOOKMARK" {
		return false
	}
	object, _ := event["object"].(map[string]any)
	meta, _ := object["metadata"].(map[string]any)
	return meta["annotations"] == nil
}
