// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package options has the options of the server: flags, completion, validation, and
// the choice of the store.
//
// It promises that everything wrong is reported at once, each problem with its flag,
// and that nothing is opened before ApplyTo. It must not know how the process is run.
package options
