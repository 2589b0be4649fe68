// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command events-apiserver serves the API group events.k8s.io/v1 from its own
// store. See `events-apiserver --help`.
package main

import (
	"fmt"
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server"
)

func main() {
	// SIGTERM and SIGINT end the context and with it the server, in order; a
	// second signal ends the process at once.
	ctx := genericapiserver.SetupSignalContext()
	if err := server.NewCommand(os.Stdout, os.Stderr).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, server.FormatError(err))
		os.Exit(1)
	}
}
