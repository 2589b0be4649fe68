// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package architecture keeps the shape of the source tree: which package may
// import which, what a package may be called, and what is documented.
//
// It promises that a violation is reported with the reason for the rule, and
// that a package which no rule covers is a violation too. It reads the source
// files itself instead of asking go list, because go test then sees that they
// changed and does not answer from its cache. It must not know what the
// packages do.
package architecture
