// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
)

// itemSlice is the Items field of a list object of any type.
type itemSlice struct {
	slice reflect.Value
	make  func() runtime.Object
}

func itemsOf(listObj runtime.Object) (*itemSlice, error) {
	pointer, err := meta.GetItemsPtr(listObj)
	if err != nil {
		return nil, err
	}
	slice, err := conversion.EnforcePtr(pointer)
	if err != nil {
		return nil, fmt.Errorf("listing into the output object: %w", err)
	}
	if slice.Kind() != reflect.Slice {
		return nil, fmt.Errorf("listing into the output object: its items are a %s", slice.Kind())
	}
	items := &itemSlice{slice: slice}
	if items.make, err = itemMaker(listObj, slice.Type().Elem()); err != nil {
		return nil, err
	}
	return items, nil
}

// itemMaker returns a function that makes an empty item for the codec to decode into.
func itemMaker(listObj runtime.Object, item reflect.Type) (func() runtime.Object, error) {
	if list, ok := listObj.(*unstructured.UnstructuredList); ok && list.GetAPIVersion() != "" {
		// The codec converts to the version that the item has.
		version := list.GetAPIVersion()
		return func() runtime.Object {
			return &unstructured.Unstructured{Object: map[string]any{"apiVersion": version}}
		}, nil
	}
	if !reflect.PointerTo(item).Implements(reflect.TypeFor[runtime.Object]()) {
		return nil, fmt.Errorf("listing into the output object: its items are of type %s, which is not an object", item)
	}
	return func() runtime.Object {
		obj, _ := reflect.TypeAssert[runtime.Object](reflect.New(item))
		return obj
	}, nil
}

func (s *itemSlice) newItem() runtime.Object { return s.make() }

func (s *itemSlice) len() int { return s.slice.Len() }

func (s *itemSlice) append(obj runtime.Object) {
	s.slice.Set(reflect.Append(s.slice, reflect.ValueOf(obj).Elem()))
}

// neverNil makes Items of an empty list encode as [] instead of null.
func (s *itemSlice) neverNil() {
	if s.slice.IsNil() {
		s.slice.Set(reflect.MakeSlice(s.slice.Type(), 0, 0))
	}
}
