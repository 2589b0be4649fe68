// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package encryption is what an embedded store needs beside a transformer of values
// to be encrypted at rest: the secret by which values in index keys are hashed, in a
// file of the data directory.
//
// It promises that the secret is on disk in encrypted form only, and that a
// directory cannot be opened without the key that it was encrypted with. It must not
// know what the values are, nor how transformers are configured.
package encryption
