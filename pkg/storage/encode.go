// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
)

// encodeOnce returns what the codec writes of the object. Where the codec lets its
// caller allocate, the bytes are those that it has written to, and no copy.
func encodeOnce(codec runtime.Codec, obj runtime.Object) ([]byte, error) {
	encoder, ok := codec.(runtime.EncoderWithAllocator)
	if !ok {
		return runtime.Encode(codec, obj)
	}
	var e encoding
	if err := encoder.EncodeWithAllocator(obj, &e, &e); err != nil {
		return nil, err
	}
	return e.written, nil
}

// encoding gives an encoder its memory and takes what it writes. What was written
// first, and lies at the beginning of what was allocated last, is kept as it is: no
// encoder uses it again after that.
type encoding struct {
	allocated, written []byte
}

var _ runtime.MemoryAllocator = (*encoding)(nil)

// Allocate implements runtime.MemoryAllocator. Nobody else gets that memory.
func (e *encoding) Allocate(n uint64) []byte {
	e.allocated = make([]byte, n)
	return e.allocated
}

// Write implements io.Writer.
func (e *encoding) Write(p []byte) (int, error) {
	if len(e.written) == 0 && len(p) > 0 && len(p) <= len(e.allocated) && &p[0] == &e.allocated[0] {
		e.written, e.allocated = slices.Clip(p), nil
		return len(p), nil
	}
	e.written = append(e.written, p...)
	return len(p), nil
}
