// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package golden compares what the program shows to its users, word for word,
// with files that a review can read: the help of every command, the names of the
// metrics.
//
// It promises that a test with the flag -update writes the files, and that
// without it nothing is written. It must not know what is compared.
package golden
