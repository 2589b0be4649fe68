// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, server.FormatError(err))
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal drains; after it a second one has its usual effect.
	context.AfterFunc(ctx, stop)
	return server.NewCommand(os.Stdout, os.Stderr).ExecuteContext(ctx)
}
