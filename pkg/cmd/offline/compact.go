// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

const (
	rewriteFlag  = "rewrite"
	revisionFlag = "revision"
)

func newCompactCommand() *cobra.Command {
	var revision uint64
	var rewrite bool
	cmd := withStore(&cobra.Command{
		Use:   "compact",
		Short: "Remove the history of a data directory, and write events again with the key in use",
		Long: `Removes what only older revisions than the newest one can show: replaced and
deleted events, and the changes that led to them. A server does so every
five minutes, for what is older than that, so this is seldom needed. Clients that
watch from, or list at, an older revision get 410 Expired and list again.

With --rewrite it first writes each event again that is not encrypted with the key in
use: after encryption was turned on or off, or the key was changed, with which servers
then must have been started. What is in an event and its time to live stay the same;
watches see it as MODIFIED, with a new resourceVersion. After that the old key can be
taken out of the configuration. The status is 1 if an event could not be read.

A server that uses the directory does it while it serves, with its own encryption
configuration; otherwise this command does. The space on the disk comes back soon
after, while a server runs. In an etcd, which its servers compact, only --rewrite can
be done, also while servers run.`,
		Example: `  events-apiserver compact --data-dir=/var/lib/events-apiserver

  # Keep the history from a resourceVersion on
  events-apiserver compact --data-dir=/var/lib/events-apiserver --revision=1234567

  # Encrypt all events with the first key of the configuration
  events-apiserver compact --rewrite --data-dir=/var/lib/events-apiserver \
    --encryption-provider-config=encryption.yaml
  events-apiserver compact --rewrite --storage=etcd --etcd-servers=https://etcd:2379 --etcd-cafile=ca.crt \
    --encryption-provider-config=encryption.yaml

  # In a pod, whose server does it
  kubectl -n events-apiserver exec deploy/events-apiserver -- \
    /events-apiserver compact --rewrite --data-dir=/var/lib/events-apiserver/data`,
		Args: exactArgs(0, "no arguments"),
	}, func(cmd *cobra.Command, store opened, _ []string) error {
		if rewrite {
			return runRewrite(cmd, store)
		}
		oldest, err := store.stores.Compact(cmd.Context(), store.access.DataDir, revision)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "the oldest readable revision is %s\n", figure(oldest))
		return nil
	})
	cmd.Flags().Uint64Var(&revision, revisionFlag, 0, "The oldest revision to stay readable; without it the newest one.")
	cmd.Flags().BoolVar(&rewrite, rewriteFlag, false, "Write each event again that is not encrypted with the key in use.")
	return checkedFirst(cmd, func(cmd *cobra.Command) error { return checkCompact(cmd, revision, rewrite) })
}

// checkedFirst lets check refuse the flags before anything else looks at them.
func checkedFirst(cmd *cobra.Command, check func(*cobra.Command) error) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd); err != nil {
			return err
		}
		return run(cmd, args)
	}
	return cmd
}

func checkCompact(cmd *cobra.Command, revision uint64, rewrite bool) error {
	switch {
	case cmd.Flags().Changed(revisionFlag) && rewrite:
		return fmt.Errorf("--%s cannot be used with --%s, which compacts up to the newest revision", revisionFlag, rewriteFlag)
	case cmd.Flags().Changed(revisionFlag) && revision == 0:
		return fmt.Errorf("--%s must be above 0", revisionFlag)
	case !rewrite && cmd.Flags().Lookup("storage").Value.String() == options.StorageEtcd:
		return fmt.Errorf("--storage=%s: its servers compact it every five minutes; only --%s can be done here", options.StorageEtcd, rewriteFlag)
	}
	return nil
}

// errUnreadable ends a rewrite that had to leave some events out, after it has
// printed which.
var errUnreadable = errors.New("some events cannot be decrypted, and are as they were: keep their keys")

func runRewrite(cmd *cobra.Command, store opened) error {
	progress := newProgress(cmd.ErrOrStderr())
	result, err := store.stores.Rewrite(cmd.Context(), store.access, func(soFar maintenance.RewriteResult) {
		progress.report("%s looked at, %s written so far", figure(soFar.Scanned), figure(soFar.Written))
	})
	for _, example := range result.Examples {
		fmt.Fprintln(cmd.OutOrStdout(), "unreadable:", example)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "wrote %s of %s entries again; %s cannot be decrypted\n",
		figure(result.Written), figure(result.Scanned), figure(result.Unreadable))
	if err != nil {
		return fmt.Errorf("the rewrite did not reach its end; repeat it: %w", err)
	}
	if result.Unreadable > 0 {
		return errUnreadable
	}
	return nil
}
