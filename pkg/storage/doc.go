// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storage implements storage.Interface of k8s.io/apiserver on pkg/engine, for any
// runtime.Object. An object is encoded by the codec, sealed by the value.Transformer with
// its key as authenticated data, and committed to the engine under that key. The revision
// of the commit is the object's resourceVersion.
//
// It behaves like the etcd3 store of k8s.io/apiserver, including errors and resource
// versions, with these differences:
//
//   - A list whose field selector requires one value of an indexed field reads only the
//     objects with that value.
//   - remainingItemCount is exact up to Config.RemainingCountLimit and an estimate above
//     it, because an exact count would cost more than the page itself.
//   - Watches that allow bookmarks get them at intervals and before their deadline.
//   - The objects of watch events are shared by all watchers and implement
//     runtime.CacheableObject, so that each is encoded once.
//   - A watch whose client does not read for Config.StallTimeout is ended.
//
// Invariants:
//
//	S1 A watcher gets each change after its start exactly once and in the order of
//	   revisions, without gaps, or it is ended.
//	S2 A bookmark of revision R is sent after all changes up to R that the watcher
//	   selects.
//	S3 No write waits for a watcher.
//	S4 An object that more than one watcher gets is never written to.
//
// The package must not know the type of the objects: the caller configures what is indexed
// and passes the time to live.
package storage
