// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command openapi-prune cuts a file written by openapi-gen down to the
// definitions that this server can publish.
//
// An Event uses two types of core/v1, and openapi-gen knows only whole
// packages, so its output holds Pod and a few hundred others too. The command
// promises that what is left still compiles and still has every definition that
// another kept one refers to. It must not know which types an Event uses.
package main
