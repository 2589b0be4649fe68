// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// sharedObject is an object that many watchers share. It is never written to: its methods
// only return copies of the object. Each encoding of it is made once.
type sharedObject struct {
	object runtime.Object

	mutex     sync.Mutex
	encodings map[runtime.Identifier]func() ([]byte, error)
}

var (
	_ runtime.CacheableObject   = (*sharedObject)(nil)
	_ metav1.ObjectMetaAccessor = (*sharedObject)(nil)
)

// newSharedObject takes ownership of the object.
func newSharedObject(object runtime.Object) *sharedObject { return &sharedObject{object: object} }

// CacheEncode implements runtime.CacheableObject.
func (o *sharedObject) CacheEncode(id runtime.Identifier, encode func(runtime.Object, io.Writer) error, w io.Writer) error {
	encoded, err := o.encoding(id, encode)()
	if err != nil {
		return err
	}
	if splice, ok := w.(runtime.Splice); ok {
		splice.Splice(encoded)
		return nil
	}
	if _, err := w.Write(encoded); err != nil {
		return fmt.Errorf("writing the encoded object: %w", err)
	}
	return nil
}

func (o *sharedObject) encoding(id runtime.Identifier, encode func(runtime.Object, io.Writer) error) func() ([]byte, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if known, ok := o.encodings[id]; ok {
		return known
	}
	encoding := sync.OnceValues(func() ([]byte, error) {
		buffer := &bytes.Buffer{}
		// Encoders may write to the object, for example its kind.
		err := encode(o.GetObject(), buffer)
		return buffer.Bytes(), err
	})
	if o.encodings == nil {
		o.encodings = map[runtime.Identifier]func() ([]byte, error){}
	}
	o.encodings[id] = encoding
	return encoding
}

// GetObject implements runtime.CacheableObject. It returns a copy, which the caller may
// write to.
func (o *sharedObject) GetObject() runtime.Object { return o.object.DeepCopyObject() }

// GetObjectKind implements runtime.Object. It returns a copy.
func (o *sharedObject) GetObjectKind() schema.ObjectKind {
	kind := o.object.GetObjectKind().GroupVersionKind()
	return &metav1.TypeMeta{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind}
}

// DeepCopyObject implements runtime.Object.
func (o *sharedObject) DeepCopyObject() runtime.Object { return newSharedObject(o.GetObject()) }

// GetObjectMeta implements metav1.ObjectMetaAccessor. It returns the metadata of a copy,
// nil for objects without metadata.
func (o *sharedObject) GetObjectMeta() metav1.Object {
	accessor, err := meta.Accessor(o.GetObject())
	if err != nil {
		return nil
	}
	return accessor
}
