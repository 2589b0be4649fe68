// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
)

// change is one event of a watch.
type change struct {
	Type   string `json:"type"`
	Object tree   `json:"object"`
}

// watch collects what a watch shows.
type watch struct {
	api    api
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	changes []change
	err     error
}

// watch opens a watch of a namespace that begins with what is there now, and
// goes on until it is closed. It shows nothing of what is there already.
func (c *client) watch(ctx context.Context, a api, namespace string) (*watch, error) {
	_, version, err := c.list(ctx, a, namespace, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	query := url.Values{"watch": {"true"}, "resourceVersion": {version}}
	response, err := c.send(ctx, http.MethodGet, a.path(namespace, ""), query, "", nil) //nolint:bodyclose // its reader closes it
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watching through %s: %w", a.name, err)
	}
	if response.StatusCode != http.StatusOK {
		cancel()
		_ = response.Body.Close()
		return nil, fmt.Errorf("watching through %s: %s", a.name, response.Status)
	}
	w := &watch{api: a, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		defer response.Body.Close()
		decoder := json.NewDecoder(response.Body)
		for {
			var one change
			err := decoder.Decode(&one)
			if ctx.Err() != nil {
				return
			}
			w.add(one, err)
			if err != nil {
				return
			}
		}
	}()
	return w, nil
}

func (w *watch) add(one change, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = fmt.Errorf("the watch through %s ended: %w", w.api.name, err)
		return
	}
	if one.Type != "BOOKMARK" {
		w.changes = append(w.changes, one)
	}
}

// seen is what the watch has shown, and an error if it ended by itself.
func (w *watch) seen() ([]change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]change(nil), w.changes...), w.err
}

// shows tells whether the watch has shown a change of that type of the event.
func (w *watch) shows(changeType, name string) error {
	changes, err := w.seen()
	for _, each := range changes {
		if each.Type == changeType && nameOf(each.Object) == name {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("the watch through %s shows no %s of %s among %d changes", w.api.name, changeType, name, len(changes)))
}

func (w *watch) close() {
	w.cancel()
	<-w.ended
}

// sequences are the changes of each event, by name. Changes that change nothing
// but what clusters cannot have in common, as managed fields, count as none.
func (n *normal) sequences(changes []change) map[string][]tree {
	result := map[string][]tree{}
	last := map[string]string{}
	for _, each := range changes {
		event := n.event(each.Object, false)
		name := nameOf(event)
		content := show(event)
		if each.Type == "MODIFIED" && last[name] == content {
			continue
		}
		last[name] = content
		result[name] = append(result[name], tree{"type": each.Type, "object": event})
	}
	return result
}

// show writes a value as a person can read it.
func show(value any) string {
	data, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return fmt.Sprintf("%#v", value)
	}
	return string(data)
}
