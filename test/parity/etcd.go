// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// compactEtcd returns what removes the history of an etcd up to now.
func compactEtcd(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		var found struct {
			Header struct {
				Revision string `json:"revision"`
			} `json:"header"`
		}
		// Any key does: the response has the store's revision.
		if err := callEtcd(ctx, url+"/v3/kv/range", map[string]string{"key": "AA=="}, &found); err != nil {
			return err
		}
		arguments := map[string]any{"revision": found.Header.Revision, "physical": true}
		return callEtcd(ctx, url+"/v3/kv/compaction", arguments, &struct{}{})
	}
}

func callEtcd(ctx context.Context, url string, arguments, result any) error {
	content, err := json.Marshal(arguments)
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking etcd: %s: %s", url, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(result); err != nil {
		return fmt.Errorf("reading what etcd answers: %w", err)
	}
	return nil
}
