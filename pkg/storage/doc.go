// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storage is k8s.io/apiserver's storage.Interface over the embedded
// engine, for any runtime.Object. The way of the data: the caller's object is
// encoded by the codec, sealed by the value.Transformer with its key as
// authenticated data, and committed by the engine under that key; the revision
// of the commit is the object's resourceVersion.
//
// It promises to answer as the etcd3 store of k8s.io/apiserver answers, errors
// and resource versions included, with these differences:
//
//   - A list whose field selector pins an indexed field costs its matches.
//   - remainingItemCount is exact up to a bound and else left out, because to
//     count exactly would cost more than the page itself.
//   - Watches that allow bookmarks get them.
//   - Objects that a watch delivers are shared by all its watchers and
//     implement runtime.CacheableObject, so that one encoding serves all.
//   - A watcher that takes nothing for a while is ended instead of waited for.
//
// Invariants:
//
//	S1 A watcher sees each change after its start exactly once, in the order
//	   of revisions, none left out; or it is ended.
//	S2 A bookmark of revision R comes after all changes up to R that the
//	   watcher was to see.
//	S3 No write waits for a watcher.
//	S4 An object handed to more than one watcher is never written to.
//
// The package knows nothing of what the objects are: what is indexed, and how
// long an object lives, is told by the caller.
package storage
