// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

func newVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify that a saved snapshot is whole, without restoring it",
		Long: `Reads a snapshot to its end and verifies what restore would: that it is one, of a
version that this program knows, whole, and as its checksums say. Nothing is written
and no data directory is needed. FILE may be - for standard input.

It prints what the snapshot is, and ends with status 1 if it is cut off or altered.
Do this with each snapshot that came over a network: kubectl exec can lose the end
of what a command writes and end with status 0 all the same.

That the data in it is right is what check verifies, on a directory: restore the
snapshot into an empty one for that.`,
		Example: `  events-apiserver snapshot verify events.snapshot

  # Out of a compressed file
  zstd -dc events.snapshot.zst | events-apiserver snapshot verify -`,
		Args: exactArgs(1, "a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := runVerify(cmd, args[0]); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		},
	}
}

func runVerify(cmd *cobra.Command, name string) error {
	from, err := openSnapshot(cmd, name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	begun, counted := time.Now(), newCountedReader(from, cmd.ErrOrStderr())
	info, err := maintenance.VerifySnapshot(cmd.Context(), counted)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "a whole snapshot of %s with %s: %s in %s\n",
		info.Time.Local().Format(time.RFC3339), described(info), size(counted.n), since(begun))
	return nil
}

// openSnapshot opens the file of that name, which may be standard input.
func openSnapshot(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == standardStream {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the snapshot: %w", err)
	}
	return file, nil
}

// newCountedReader writes to errOut now and then how much was read.
func newCountedReader(from io.Reader, errOut io.Writer) *countedReader {
	progress := newProgress(errOut)
	return &countedReader{Reader: from, report: func(n int64) { progress.report("%s so far", size(n)) }}
}
