// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"

	"github.com/events-apiserver/events-apiserver/pkg/storeadmin"
)

// contended is a store in which somebody else writes, or ends, each entry once, just
// before it would be replaced.
type contended struct {
	entryStore

	mutex   sync.Mutex
	entries map[string]*entry
	// meanwhile is what the others do.
	meanwhile func(stored *entry) *entry
}

func (c *contended) page(_ context.Context, prefix, from string) ([]entry, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var page []entry
	for key, stored := range c.entries {
		if strings.HasPrefix(key, prefix) && from == prefix {
			page = append(page, *stored)
		}
	}
	return page, nil
}

func (c *contended) get(_ context.Context, key string) (*entry, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.entries[key], nil
}

func (c *contended) replace(_ context.Context, old *entry, stored []byte) (bool, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if old.revision == 1 {
		if c.entries[old.key] = c.meanwhile(c.entries[old.key]); c.entries[old.key] == nil {
			delete(c.entries, old.key)
		}
		return false, nil
	}
	c.entries[old.key] = &entry{key: old.key, value: stored, revision: old.revision + 1}
	return true, nil
}

// TestRewrite_Contended never puts an older state in place of a newer one, and leaves
// nothing under the old key.
func TestRewrite_Contended(t *testing.T) {
	t.Parallel()
	const key = "/events-apiserver/events/team/a"
	for name, test := range map[string]struct {
		meanwhile func(*entry) *entry
		want      string
		written   int64
	}{
		"written with the old key": {func(e *entry) *entry { return &entry{key: e.key, value: []byte("old:newer"), revision: 2} }, "new:newer", 1},
		"written with the new key": {func(e *entry) *entry { return &entry{key: e.key, value: []byte("new:newer"), revision: 2} }, "new:newer", 0},
		"deleted":                  {func(*entry) *entry { return nil }, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries := map[string]*entry{key: {key: key, value: []byte("old:first"), revision: 1}}
			prefixed := func(prefix string) value.PrefixTransformer {
				return value.PrefixTransformer{Prefix: []byte(prefix), Transformer: identity.NewEncryptCheckTransformer()}
			}
			store := newStore(&contended{entries: entries, meanwhile: test.meanwhile}, "/events-apiserver",
				Content{Events: "events", HostRecords: "host-events"}, value.NewPrefixTransformers(nil, prefixed("new:"), prefixed("old:")))
			result, err := store.Rewrite(t.Context(), func(storeadmin.Rewrite) {})
			if err != nil || result.Written != test.written || result.Scanned != 1 {
				t.Errorf("%+v and %v, want %d written", result, err, test.written)
			}
			stored := entries[key]
			if (stored == nil) != (test.want == "") || stored != nil && !bytes.Equal(stored.value, []byte(test.want)) {
				t.Errorf("stored is %+v, want %q", stored, test.want)
			}
		})
	}
}
