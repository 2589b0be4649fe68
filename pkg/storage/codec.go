// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// valueCodec converts objects to the bytes that the engine stores, and back: an object
// is encoded to data by the codec, and data is sealed by the transformer.
type valueCodec struct {
	codec       runtime.Codec
	copyInto    func(from, to runtime.Object) bool
	versioner   storage.Versioner
	transformer value.Transformer
	// markCorrupt wraps decoding errors in corruptError.
	markCorrupt bool
	// undecodable is called for each decoding error.
	undecodable func()
}

// authenticated returns the authenticated data of a sealed value: its key, so that it
// cannot be opened under another one.
func authenticated(key string) value.Context { return value.DefaultContext(key) }

// encode returns the data of the object. It clears the object's resource version, which
// is known only after the commit.
func (v *valueCodec) encode(obj runtime.Object) ([]byte, error) {
	if err := v.versioner.PrepareObjectForStorage(obj); err != nil {
		return nil, fmt.Errorf("preparing the object to be stored: %w", err)
	}
	return encodeOnce(v.codec, obj)
}

func (v *valueCodec) seal(ctx context.Context, key string, data []byte) ([]byte, error) {
	sealed, err := v.transformer.TransformToStorage(ctx, data, authenticated(key))
	if err != nil {
		return nil, storage.NewInternalError(err)
	}
	return sealed, nil
}

// open returns the data of a sealed value. It is stale if it was not sealed with the
// write key in use and should be rewritten.
func (v *valueCodec) open(ctx context.Context, key string, sealed []byte) (data []byte, stale bool, err error) {
	return v.transformer.TransformFromStorage(ctx, sealed, authenticated(key))
}

// decodeInto sets out to the object of the data at the revision.
func (v *valueCodec) decodeInto(data []byte, out runtime.Object, revision engine.Revision) error {
	if _, _, err := v.codec.Decode(data, nil, out); err != nil {
		return v.decodeError(err, revision)
	}
	v.setRevision(out, revision)
	return nil
}

// writtenInto sets out to the object that was stored at the revision and encoded to
// data.
func (v *valueCodec) writtenInto(obj runtime.Object, data []byte, out runtime.Object, revision engine.Revision) error {
	if v.copyInto == nil || !v.copyInto(obj, out) {
		return v.decodeInto(data, out, revision)
	}
	v.setRevision(out, revision)
	return nil
}

// decodeNew returns the object of the data at the revision. The codec may decode into
// the given object; with nil it makes one.
func (v *valueCodec) decodeNew(data []byte, into runtime.Object, revision engine.Revision) (runtime.Object, error) {
	obj, _, err := v.codec.Decode(data, nil, into)
	if err != nil {
		return nil, v.decodeError(err, revision)
	}
	v.setRevision(obj, revision)
	return obj, nil
}

// openNew opens a sealed value and decodes it.
func (v *valueCodec) openNew(ctx context.Context, key string, sealed []byte, revision engine.Revision) (runtime.Object, error) {
	data, _, err := v.open(ctx, key, sealed)
	if err != nil {
		return nil, err
	}
	return v.decodeNew(data, nil, revision)
}

// setRevision sets the resource version of the object. An error is only logged, as the
// object is usable without it.
func (v *valueCodec) setRevision(obj runtime.Object, revision engine.Revision) {
	if err := v.versioner.UpdateObject(obj, uint64(revision)); err != nil {
		klog.Background().Error(err, "Failed to set the resource version of an object", "revision", revision)
	}
}

func (v *valueCodec) decodeError(err error, revision engine.Revision) error {
	v.undecodable()
	if !v.markCorrupt {
		return err
	}
	return &corruptError{what: undecodable, revision: revision, err: err}
}

// encodeOnce returns the encoded object. It saves the copy that runtime.Encode makes if
// the codec accepts a MemoryAllocator.
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

// encoding is the allocator and the writer of one encoding. If the first write begins at
// the start of the last allocation, it keeps that slice instead of a copy: encoders do
// not use the memory after they have written it.
type encoding struct {
	allocated, written []byte
}

var _ runtime.MemoryAllocator = (*encoding)(nil)

// Allocate implements runtime.MemoryAllocator. It never returns the same memory twice.
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
