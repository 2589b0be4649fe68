// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/events-apiserver/events-apiserver/pkg/transfer"
)

func TestExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir, store{snapshot: func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "all events")
		return err
	}})
	body, err := NewClient(dir).Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || string(content) != "all events" {
		t.Errorf("%q and %v", content, err)
	}
}

// TestImport has a store that reads to the end, and one that fails long before: its error must
// arrive although the client is still sending.
func TestImport(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("record\n"), 1<<20)
	for name, test := range map[string]struct {
		read int64
		err  error
	}{
		"to the end":   {read: int64(len(content))},
		"disk full":    {read: 10, err: errors.New("the disk is full")},
		"full at once": {err: errors.New("the disk is full")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			serve(t, dir, store{imports: func(r io.Reader) (transfer.Result, error) {
				n, err := io.CopyN(io.Discard, r, test.read)
				return transfer.Result{Imported: n, Failures: []string{"one"}}, errors.Join(err, test.err)
			}})
			result, err := NewClient(dir).Import(t.Context(), bytes.NewReader(content))
			if want := (transfer.Result{Imported: test.read, Failures: []string{"one"}}); !cmp.Equal(result, want) {
				t.Errorf("the result is %+v, want %+v", result, want)
			}
			if (err == nil) != (test.err == nil) || err != nil && !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("got %v, want %v", err, test.err)
			}
		})
	}
}

// TestImport_NoServer does not read from its reader and does not close it.
func TestImport_NoServer(t *testing.T) {
	t.Parallel()
	from := &closing{Reader: strings.NewReader("content")}
	if _, err := NewClient(t.TempDir()).Import(t.Context(), from); !errors.Is(err, ErrNoServer) || from.closed {
		t.Errorf("%v, and the reader is closed: %v", err, from.closed)
	}
	if left, err := io.ReadAll(from); err != nil || string(left) != "content" {
		t.Errorf("%q is left, and %v", left, err)
	}
}

type closing struct {
	io.Reader
	closed bool
}

// Close records that it was called.
func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{nil, errors.New("the disk is full")} {
		dir := t.TempDir()
		last := Rewrite{Scanned: 3, Written: 2, Unreadable: 1, Examples: []string{"no key"}}
		serve(t, dir, store{rewrite: func(progress func(Rewrite)) (Rewrite, error) {
			progress(Rewrite{Scanned: 1})
			progress(Rewrite{Scanned: 2})
			return last, failure
		}})
		var seen []int64
		result, err := NewClient(dir).Rewrite(t.Context(), func(soFar Rewrite) { seen = append(seen, soFar.Scanned) })
		if !cmp.Equal(result, last) || !cmp.Equal(seen, []int64{1, 2}) {
			t.Errorf("%+v after %v", result, seen)
		}
		if (err == nil) != (failure == nil) || err != nil && !strings.Contains(err.Error(), failure.Error()) {
			t.Errorf("got %v, want %v", err, failure)
		}
	}
}
