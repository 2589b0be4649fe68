// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server is the command line of events-apiserver: the root command, and
// serve on its way from options to a running server. Its options are in package
// options, the other commands in package offline.
//
// It promises that every wrong flag value is reported, all of them at once,
// each with the name of its flag. It must not know how events are stored or
// answered; that is assembled in package apiserver.
package server
