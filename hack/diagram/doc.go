// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command diagram draws the pictures of the docs: the way of the data, which the
// README and docs/architecture.md show, and the embedded store of
// docs/storage.md.
//
// It promises the same bytes for the same source, so that a check can compare,
// and pictures that can be read at 900 pixels on light and dark pages. It must
// not need anything but the standard library.
package main
