// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command diagram draws the picture of the way of the data that the README and
// docs/architecture.md show.
//
// It promises the same bytes for the same source, so that a check can compare,
// and a picture that can be read at 900 pixels on light and dark pages. It must
// not need anything but the standard library.
package main
