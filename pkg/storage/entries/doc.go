// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package entries reads and writes the entries of a store of events, in a data
// directory or an etcd, below everything that makes objects of their bytes: to export
// and import them, and to encrypt them with another key.
//
// It promises that an entry keeps its content and its deadline on the way, and that
// nothing is replaced but what was read. It must not know the type of the objects;
// their codec is given to it.
package entries
