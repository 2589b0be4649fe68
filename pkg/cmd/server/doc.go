// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server is the command line of events-apiserver: its subcommands, and
// the options of serve on their way from flags to a running server (options,
// complete, validate, config, run).
//
// It promises that every wrong flag value is reported, all of them at once,
// each with the name of its flag. It must not know how events are stored or
// answered; that is assembled in package apiserver.
package server
