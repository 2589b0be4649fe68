// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"io"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
)

// TestEncoding makes the kinds of writes that encoders may make.
func TestEncoding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		write func(e *encoding) error
		want  string
	}{
		"nothing": {func(*encoding) error { return nil }, ""},
		"all of what was allocated": {func(e *encoding) error {
			return writeAll(e, fill(e.Allocate(3), "abc"))
		}, "abc"},
		"its beginning, then more": {func(e *encoding) error {
			p := fill(e.Allocate(8), "abc")
			return writeAll(e, p, []byte("de"))
		}, "abcde"},
		"the end of it": {func(e *encoding) error {
			p := fill(e.Allocate(4), "abcd")
			return writeAll(e, p[2:])
		}, "cd"},
		"twice from new memory": {func(e *encoding) error {
			if err := writeAll(e, fill(e.Allocate(2), "ab")); err != nil {
				return err
			}
			return writeAll(e, fill(e.Allocate(2), "cd"))
		}, "abcd"},
		"other memory": {func(e *encoding) error {
			e.Allocate(4)
			return writeAll(e, []byte("ab"), nil, []byte("c"))
		}, "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e encoding
			if err := test.write(&e); err != nil || string(e.written) != test.want {
				t.Errorf("%q, %v, want %q", e.written, err, test.want)
			}
		})
	}
}

// fill returns the beginning of p with the text in it.
func fill(p []byte, text string) []byte { return p[:copy(p, text)] }

func writeAll(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// plainCodec is a codec without EncodeWithAllocator.
type plainCodec struct{ codec runtime.Codec }

func (c plainCodec) Encode(obj runtime.Object, w io.Writer) error { return c.codec.Encode(obj, w) }
func (c plainCodec) Identifier() runtime.Identifier               { return c.codec.Identifier() }

// TestEncodeOnce expects the bytes of runtime.Encode, in memory that later encodings do
// not write to.
func TestEncodeOnce(t *testing.T) {
	t.Parallel()
	codec := podCodec(t)
	for name, encode := range map[string]runtime.Codec{
		"with an allocator":    codec,
		"without an allocator": runtime.NewCodec(plainCodec{codec}, codec),
	} {
		var kept [][]byte
		pods := []string{"a", "a-longer-name", "b"}
		for _, pod := range pods {
			data, err := encodeOnce(encode, &example.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod}})
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, data)
		}
		for i, pod := range pods {
			want, err := runtime.Encode(codec, &example.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod}})
			if err != nil || !slices.Equal(kept[i], want) {
				t.Errorf("%s: %q, %v, want %q", name, kept[i], err, want)
			}
		}
	}
}
