// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command openapi-prune reduces a file from openapi-gen to the definitions that this
// server can publish.
//
// An Event uses two types of core/v1, but openapi-gen only supports whole packages, so
// its output also has Pod and some hundred other types. The remaining file compiles and
// has every definition that another remaining definition refers to. The command does
// not depend on which types an Event uses.
package main
