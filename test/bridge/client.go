// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
)

// client speaks to one server, with no more than a request needs: what is sent
// is what the script says.
type client struct {
	url  string
	http *http.Client
}

// answer is what a server said to a request.
type answer struct {
	code int
	body tree
}

func newClient(config *rest.Config) (*client, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	return &client{
		url:  config.Host,
		http: &http.Client{Transport: &http.Transport{TLSClientConfig: tls, ForceAttemptHTTP2: true}},
	}, nil
}

// send makes a request. A body that is no string is sent as JSON. The caller
// closes the answer.
func (c *client) send(ctx context.Context, method, path string, query url.Values, contentType string, body any) (*http.Response, error) {
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = bytes.NewReader([]byte(body))
	default:
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding a body: %w", err)
		}
		reader = bytes.NewReader(data)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, reader)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	if contentType == "" {
		contentType = "application/json"
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "bridge-test")
	return c.http.Do(request)
}

// ask makes a request and reads the answer.
func (c *client) ask(ctx context.Context, method, path string, query url.Values, contentType string, body any) (answer, error) {
	response, err := c.send(ctx, method, path, query, contentType, body)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	result := answer{code: response.StatusCode}
	if err := json.Unmarshal(data, &result.body); err != nil {
		return answer{}, fmt.Errorf("the answer to %s %s, %s, is no object: %w\n%s", method, path, response.Status, err, data)
	}
	return result, nil
}

// list reads all events of a namespace.
func (c *client) list(ctx context.Context, a api, namespace string, query url.Values) ([]tree, string, error) {
	got, err := c.ask(ctx, http.MethodGet, a.path(namespace, ""), query, "", nil)
	if err != nil {
		return nil, "", err
	}
	if got.code != http.StatusOK {
		return nil, "", fmt.Errorf("listing through %s with %v: %d %v", a.name, query, got.code, got.body["message"])
	}
	meta, _ := got.body["metadata"].(tree)
	version, _ := meta["resourceVersion"].(string)
	items, _ := got.body["items"].([]any)
	return trees(items), version, nil
}

// makeNamespace makes a namespace.
func (c *client) makeNamespace(ctx context.Context, name string) error {
	got, err := c.ask(ctx, http.MethodPost, "/api/v1/namespaces", nil, "", tree{"metadata": tree{"name": name}})
	if err != nil {
		return err
	}
	if got.code != http.StatusCreated {
		return fmt.Errorf("making the namespace %s: %d %v", name, got.code, got.body["message"])
	}
	return nil
}
