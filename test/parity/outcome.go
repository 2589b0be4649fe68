// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// learn makes what a preparation made of the group known on both sides.
func (r *runner) learn(s *step, a *answer) error {
	if !strings.Contains(s.Do, "${events}") {
		return r.capture(s, a)
	}
	_, err := r.outcome(s, a)
	return err
}

// outcome takes the variables from an answer and masks it.
func (r *runner) outcome(s *step, a *answer) (outcome, error) {
	if err := r.capture(s, a); err != nil {
		return outcome{}, err
	}
	content, err := view(s.View, a.body)
	if err != nil {
		return outcome{}, err
	}
	mask, err := r.masking(s)
	if err != nil {
		return outcome{}, err
	}
	return outcome{tree: map[string]any{
		"status":  strconv.Itoa(a.status),
		"headers": comparableHeaders(a.header, mask),
		"style":   a.style,
		"body":    mask.mask(content),
	}}, nil
}

func (r *runner) masking(s *step) (*masking, error) {
	do, err := r.vars.expand(s.Do)
	if err != nil {
		return nil, err
	}
	encodedBody, err := json.Marshal(s.Body)
	if err != nil {
		return nil, fmt.Errorf("reading a body: %w", err)
	}
	path, query, _ := strings.Cut(do, "?")
	m := &masking{
		memory: r.memory, now: time.Now,
		token:      versionOfToken(query),
		collection: strings.HasSuffix(path, "/events"),
		sent:       do + string(encodedBody),
	}
	if s.Body != nil {
		prefix, _ := lookUp(any(s.Body.Event), "metadata.generateName")
		if m.generateName, err = r.vars.expand(prefix); err != nil {
			return nil, err
		}
	}
	_, after, _ := strings.Cut("&"+query, "&resourceVersion=")
	m.asked, _, _ = strings.Cut(after, "&")
	if strings.Contains(query, "resourceVersionMatch=Exact") {
		m.exact = m.asked
	}
	return m, nil
}

// capture sets variables. If a response lacks a value, the variable is a text that says that,
// and the next steps are compared nevertheless.
func (r *runner) capture(s *step, a *answer) error {
	for name, place := range s.Capture {
		value, ok := lookUp(a.body, place)
		if !ok {
			value = "nothing-at-" + place
		}
		r.vars[name] = value
	}
	return nil
}

// lookUp finds a text by keys and indexes between dots.
func lookUp(tree any, place string) (string, bool) {
	for key := range strings.SplitSeq(place, ".") {
		switch t := tree.(type) {
		case map[string]any:
			tree = t[key]
		case []any:
			index, err := strconv.Atoi(key)
			if err != nil || index < 0 || index >= len(t) {
				return "", false
			}
			tree = t[index]
		default:
			return "", false
		}
	}
	text, ok := tree.(string)
	return text, ok
}

// versionOfToken is the version at which a query goes on. It is empty without a
// token, and for one that goes on at the newest.
func versionOfToken(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	decoded, err := base64.RawURLEncoding.DecodeString(values.Get("continue"))
	if err != nil {
		return ""
	}
	var token struct {
		Version int64 `json:"rv"`
	}
	if json.Unmarshal(decoded, &token) != nil || token.Version <= 0 {
		return ""
	}
	return strconv.FormatInt(token.Version, 10)
}
