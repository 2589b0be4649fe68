// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

// opened is a store that a command works on.
type opened struct {
	stores maintenance.Maintenance
	access maintenance.Access
}

// withStore adds the flags that choose a store to a command, and gives the store to
// run, whose errors then name it.
func withStore(cmd *cobra.Command, run func(cmd *cobra.Command, store opened, args []string) error) *cobra.Command {
	api, err := apiserver.NewAPI()
	if err != nil {
		return failing(cmd, err)
	}
	stores, err := api.Maintenance()
	if err != nil {
		return failing(cmd, err)
	}
	storage, err := options.NewStorageOptions(api)
	if err != nil {
		return failing(cmd, err)
	}
	storage.AddAccessFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := errors.Join(storage.Validate()...); err != nil {
			return err
		}
		access, done, err := storage.Access(cmd.Context(), api)
		if err != nil {
			return err
		}
		defer done()
		if err := run(cmd, opened{stores: stores, access: access}, args); err != nil {
			return fmt.Errorf("%s: %w", storage.Name(), err)
		}
		return nil
	}
	return cmd
}

// failing makes a command that returns an error of its construction when it is run,
// so that the other commands still work.
func failing(cmd *cobra.Command, err error) *cobra.Command {
	cmd.RunE = func(*cobra.Command, []string) error { return err }
	return cmd
}
