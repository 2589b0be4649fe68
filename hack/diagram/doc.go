// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command diagram draws the pictures of the docs: the path of the data, in the
// README and docs/architecture.md, and the embedded store, in docs/storage.md.
//
// The same source always gives the same bytes, so that a check can compare them,
// and the pictures are readable at 900 pixels on light and dark pages. It depends
// on the standard library only.
package main
