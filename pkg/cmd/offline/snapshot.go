// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

// standardStream is the name of a file that means standard input or output.
const standardStream = "-"

func newSnapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Save, verify and restore snapshots of a data directory",
		Example: `  events-apiserver snapshot save --data-dir=/var/lib/events-apiserver events.snapshot
  events-apiserver snapshot verify events.snapshot
  events-apiserver snapshot restore --data-dir=/var/lib/events-apiserver events.snapshot`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do: events-apiserver snapshot save, verify, restore, export or import")
		},
	}
	cmd.AddCommand(newSaveCommand(), newVerifyCommand(), newRestoreCommand())
	cmd.AddCommand(newExportCommand(), newImportCommand())
	return cmd
}

func newSaveCommand() *cobra.Command {
	return withDataDir(&cobra.Command{
		Use:   "save FILE",
		Short: "Save a snapshot of a data directory, also of a running server's",
		Long: `Saves a consistent copy of a data directory of --storage=embedded in one file.
A server that uses the directory goes on serving meanwhile; everything that it
acknowledged before is in the copy. As long as the snapshot is written, the server
keeps the files that it is made of, which takes space on its disk if many events
are written or expire.

The file is a tar file with checksums. It is written as FILE.partial and gets its
name when it is whole. FILE may be - for standard output; then a snapshot is whole
only if the status is 0, and if nothing on its way lost the end: kubectl exec may,
with status 0, so verify what arrived. It holds all events, so keep it as safe as the directory;
events that are encrypted are encrypted in it, too.`,
		Example: `  events-apiserver snapshot save --data-dir=/var/lib/events-apiserver events.snapshot

  # From a pod, which has no other programs
  kubectl -n events-apiserver exec deploy/events-apiserver -- \
    /events-apiserver snapshot save --data-dir=/var/lib/events-apiserver/data - > events.snapshot
  events-apiserver snapshot verify events.snapshot`,
		Args: exactArgs(1, "a file"),
	}, runSave)
}

func runSave(cmd *cobra.Command, dir string, args []string) error {
	begun, progress := time.Now(), newProgress(cmd.ErrOrStderr())
	var info maintenance.SnapshotInfo
	var written int64
	save := func(w io.Writer) (err error) {
		counted := &countedWriter{Writer: w, report: func(n int64) { progress.report("%s so far", size(n)) }}
		info, err = maintenance.SaveSnapshot(cmd.Context(), dir, counted)
		written = counted.n
		return err
	}
	var err error
	if args[0] == standardStream {
		err = save(cmd.OutOrStdout())
	} else {
		err = writeWhole(args[0], save)
	}
	if err != nil {
		return err
	}
	// Standard output may be the snapshot.
	fmt.Fprintf(cmd.ErrOrStderr(), "saved %s: %s in %s\n", described(info), size(written), since(begun))
	if args[0] == standardStream {
		fmt.Fprintln(cmd.ErrOrStderr(), "what reads this may have lost the end: verify the file with events-apiserver snapshot verify FILE")
	}
	return nil
}

// described is what a snapshot has in it.
func described(info maintenance.SnapshotInfo) string {
	return fmt.Sprintf("%s events up to revision %s", figure(info.Keys), figure(uint64(info.Revision)))
}

// writeWhole makes a file that is there whole, on the disk, or not at all. What is
// written meanwhile is in a file beside it, which is removed after an error.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	partial := name + ".partial"
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(partial, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	opened, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing the directory: %w", err)
	}
	if err := errors.Join(opened.Sync(), opened.Close()); err != nil {
		return fmt.Errorf("syncing the directory: %w", err)
	}
	return nil
}

func newRestoreCommand() *cobra.Command {
	return withDataDir(&cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory of a snapshot",
		Long: `Makes a data directory for --storage=embedded of a snapshot. The directory must
be empty or absent. A file that is cut off, damaged, or of a newer version is
refused, and nothing is left in the directory then. FILE may be - for standard
input.

Revisions, which clients know as resourceVersion, go on above all that a server
could have given out between the snapshot and now: 100,000 for each second, and for
two minutes more. So no client takes a new event for one that it saw meanwhile.
Watches and continued lists from before get 410 Expired and begin again, as clients
do without help. Events whose time is over since the snapshot go within seconds
of the server's start.

Do not run two servers on two restored copies of one snapshot for the same
clients, and do not use a plain copy of a data directory in place of a snapshot:
their revisions go on where they were.`,
		Example: `  events-apiserver snapshot restore --data-dir=/var/lib/events-apiserver events.snapshot

  # Out of a compressed file
  zstd -dc events.snapshot.zst | events-apiserver snapshot restore --data-dir=/var/lib/events-apiserver -`,
		Args: exactArgs(1, "a file"),
	}, runRestore)
}

func runRestore(cmd *cobra.Command, dir string, args []string) error {
	from, err := openSnapshot(cmd, args[0])
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	begun, counted := time.Now(), newCountedReader(from, cmd.ErrOrStderr())
	restored, err := maintenance.RestoreSnapshot(cmd.Context(), dir, counted)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "restored the events of %s up to revision %s: %s in %s\nrevisions go on at %s\n",
		restored.Time.Local().Format(time.RFC3339), figure(uint64(restored.Last)), size(counted.n), since(begun), figure(uint64(restored.Revision)))
	return nil
}
