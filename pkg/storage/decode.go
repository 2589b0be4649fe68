// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// values turns objects into what the engine keeps, and back: object, data (the
// codec's bytes), sealed (the transformer's bytes).
type values struct {
	codec       runtime.Codec
	copyInto    func(from, to runtime.Object) bool
	versioner   storage.Versioner
	transformer value.Transformer
	// markCorrupt makes errors of decoding known as errors of the data, see
	// corruptError.
	markCorrupt bool
	// undecodable is told of each error of decoding.
	undecodable func()
}

// authenticated binds a sealed value to its key: under another key it cannot be
// opened.
func authenticated(key string) value.Context { return value.DefaultContext(key) }

// encode returns the data of the object. It takes the resource version out of
// the object, since that is known only after the commit.
func (v *values) encode(obj runtime.Object) ([]byte, error) {
	if err := v.versioner.PrepareObjectForStorage(obj); err != nil {
		return nil, fmt.Errorf("preparing the object to be stored: %w", err)
	}
	return encodeOnce(v.codec, obj)
}

func (v *values) seal(ctx context.Context, key string, data []byte) ([]byte, error) {
	sealed, err := v.transformer.TransformToStorage(ctx, data, authenticated(key))
	if err != nil {
		return nil, storage.NewInternalError(err)
	}
	return sealed, nil
}

// open returns the data of a sealed value, and whether it should be sealed anew
// because it was sealed with an old key.
func (v *values) open(ctx context.Context, key string, sealed []byte) (data []byte, stale bool, err error) {
	return v.transformer.TransformFromStorage(ctx, sealed, authenticated(key))
}

// decodeInto sets out to the object of the data at the revision.
func (v *values) decodeInto(data []byte, out runtime.Object, revision engine.Revision) error {
	if _, _, err := v.codec.Decode(data, nil, out); err != nil {
		return v.decodeError(err, revision)
	}
	v.setRevision(out, revision)
	return nil
}

// writtenInto sets out to an object that was stored at the revision. Data is
// what it was encoded to.
func (v *values) writtenInto(obj runtime.Object, data []byte, out runtime.Object, revision engine.Revision) error {
	if v.copyInto == nil || !v.copyInto(obj, out) {
		return v.decodeInto(data, out, revision)
	}
	v.setRevision(out, revision)
	return nil
}

// decodeNew returns the object of the data at the revision. What into offers
// may be used for it; nil lets the codec choose.
func (v *values) decodeNew(data []byte, into runtime.Object, revision engine.Revision) (runtime.Object, error) {
	obj, _, err := v.codec.Decode(data, nil, into)
	if err != nil {
		return nil, v.decodeError(err, revision)
	}
	v.setRevision(obj, revision)
	return obj, nil
}

// openNew opens and decodes in one step.
func (v *values) openNew(ctx context.Context, key string, sealed []byte, revision engine.Revision) (runtime.Object, error) {
	data, _, err := v.open(ctx, key, sealed)
	if err != nil {
		return nil, err
	}
	return v.decodeNew(data, nil, revision)
}

// setRevision puts the revision into the object. An object that cannot carry
// one is still of use.
func (v *values) setRevision(obj runtime.Object, revision engine.Revision) {
	if err := v.versioner.UpdateObject(obj, uint64(revision)); err != nil {
		klog.Background().Error(err, "Failed to set the resource version of an object", "revision", revision)
	}
}

func (v *values) decodeError(err error, revision engine.Revision) error {
	v.undecodable()
	if !v.markCorrupt {
		return err
	}
	return &corruptError{what: undecodable, revision: revision, err: err}
}
