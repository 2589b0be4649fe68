// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// userAgent is what managedFields name as the manager, up to the slash.
const userAgent = "parity/1.0"

// send makes a step's request and returns its answer with the body unread.
func (t *target) send(ctx context.Context, s *step, vars variables) (*http.Response, error) {
	at := t
	if s.Direct && t.direct != nil {
		at = t.direct
	}
	request, err := at.newRequest(ctx, s, vars)
	if err != nil {
		return nil, err
	}
	user := s.As
	if user == "" {
		user = userAdmin
	}
	response, err := at.clients[user].Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", t.name, err)
	}
	return response, nil
}

// isBrokenOff reports whether the server reset the stream of one request, as opposed to being
// unreachable.
func isBrokenOff(err error) bool {
	return err != nil && strings.Contains(err.Error(), "stream error") && strings.Contains(err.Error(), "INTERNAL_ERROR")
}

func (t *target) newRequest(ctx context.Context, s *step, vars variables) (*http.Request, error) {
	do, err := vars.expand(s.Do)
	if err != nil {
		return nil, err
	}
	method, path, _ := strings.Cut(do, " ")
	content, contentType, err := s.content(vars)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, t.url+strings.ReplaceAll(strings.TrimSpace(path), " ", "%20"), content)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if s.As == userBadToken {
		request.Header.Set("Authorization", "Bearer not-a-token")
	}
	for name, value := range s.Headers {
		if value, err = vars.expand(value); err != nil {
			return nil, err
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

func (s *step) content(vars variables) (content io.Reader, contentType string, err error) {
	if s.Body == nil {
		return http.NoBody, "", nil
	}
	encoded, contentType, err := s.Body.encode(vars)
	if err != nil {
		return nil, "", fmt.Errorf("writing the body: %w", err)
	}
	return bytes.NewReader(encoded), contentType, nil
}
