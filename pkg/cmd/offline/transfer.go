// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

func newExportCommand() *cobra.Command {
	return withStore(&cobra.Command{
		Use:   "export FILE",
		Short: "Write all events of a store to a file that any store can import",
		Long: `Writes all events of a store, embedded or etcd, to a file for snapshot import:
each as it is stored, with its uid, creationTimestamp, managedFields and
the time to live that is left, and what the server knows about the host cluster.
Servers may go on meanwhile, but what is written during the export may not be in
it. A server that uses --data-dir is asked to write it; otherwise the
directory is read, and not changed.

The events in the file are decrypted, also where the store encrypts them: keep the
file as secret as the key, and delete it when it was imported. It is written as
FILE.partial with mode 0600 and gets its name when it is whole. FILE may be - for
standard output; then see whether all of it has arrived with
snapshot import --dry-run.

For a copy of the same kind of store, to be kept, use snapshot save instead: it is
consistent at one revision, stays encrypted, and keeps resourceVersions.`,
		Example: `  events-apiserver snapshot export --data-dir=/var/lib/events-apiserver/data events.export
  events-apiserver snapshot export --storage=etcd --etcd-servers=https://etcd:2379 --etcd-cafile=ca.crt \
    --encryption-provider-config=encryption.yaml events.export

  # From a pod, which has no other programs
  (umask 077; kubectl -n events-apiserver exec deploy/events-apiserver -- \
    /events-apiserver snapshot export --data-dir=/var/lib/events-apiserver/data - > events.export)
  events-apiserver snapshot import --dry-run events.export`,
		Args: exactArgs(1, "a file"),
	}, runExport)
}

func runExport(cmd *cobra.Command, store opened, args []string) error {
	begun, progress := time.Now(), newProgress(cmd.ErrOrStderr())
	var counts maintenance.ExportCounts
	var written int64
	export := func(w io.Writer) (err error) {
		counted := &countedWriter{Writer: w, report: func(n int64) { progress.report("%s so far", size(n)) }}
		counts, err = store.stores.Export(cmd.Context(), store.access, counted, func(maintenance.ExportCounts) {})
		written = counted.n
		return err
	}
	var err error
	if args[0] == standardStream {
		err = export(cmd.OutOrStdout())
	} else {
		err = writeWhole(args[0], export)
	}
	if err != nil {
		return err
	}
	// Standard output may be the export.
	fmt.Fprintf(cmd.ErrOrStderr(), "exported %s events: %s in %s; they are readable to everybody who can read the file\n",
		figure(counts.Events), size(written), since(begun))
	return nil
}

const dryRunFlag = "dry-run"

func newImportCommand() *cobra.Command {
	var dryRun bool
	cmd := withStore(&cobra.Command{
		Use:   "import FILE",
		Short: "Read events that snapshot export has written into a store",
		Long: `Reads the events of a file that snapshot export has written into a store,
embedded or etcd, which may hold others. It bypasses validation, admission and
the host cluster: each event is stored as it was, with its uid and the time to live
that is left, and encrypted by --encryption-provider-config. Servers may go on
meanwhile. The one that uses --data-dir is asked to do it; if there is none, the
directory is used as a server would, and made if it is absent.

Nothing in the store is replaced, so it may be repeated after it was
interrupted. An event that is there already, by its uid, stays as it is; so does
another one with the same namespace and name. Events whose time is over are left
out. How many there were of each is printed. The status is 1 if the import did not
reach its end or an event could not be stored.

Imported events get new resourceVersions, above all that the store had: watches see
them as ADDED, and clients of the former store list again. Import into a
store of the same host cluster only: what that is known to have goes along.

A file is read twice, and nothing is stored if it is cut off or altered. FILE may be
- for standard input, of which that is known only at its end: the status is
1 then, and part of it has been stored.`,
		Example: `  events-apiserver snapshot import --data-dir=/var/lib/events-apiserver/data events.export
  events-apiserver snapshot import --storage=etcd --etcd-servers=https://etcd:2379 --etcd-cafile=ca.crt events.export

  # See whether a file is whole, without any store
  events-apiserver snapshot import --dry-run events.export

  # Into a pod, which has no other programs
  kubectl -n events-apiserver exec -i deploy/events-apiserver -- \
    /events-apiserver snapshot import --data-dir=/var/lib/events-apiserver/data - < events.export`,
		Args: exactArgs(1, "a file"),
	}, runImport)
	withStoreRun := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dryRun {
			return verifyExport(cmd, args[0])
		}
		return withStoreRun(cmd, args)
	}
	cmd.Flags().BoolVar(&dryRun, dryRunFlag, false, "Read the file and see whether it is whole, and store nothing. No store has to be given.")
	return cmd
}

// verifyExport reads a file to its end and prints what is in it.
func verifyExport(cmd *cobra.Command, name string) error {
	from, done, err := openExport(cmd, name)
	if err != nil {
		return err
	}
	defer done()
	counts, err := maintenance.VerifyExport(from)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the export is whole: %s events, and %s records about the host cluster\n",
		figure(counts.Events), figure(counts.HostRecords+counts.HostPositions))
	return nil
}

// openExport opens a file, or standard input, and reports how far it is read.
func openExport(cmd *cobra.Command, name string) (from io.Reader, done func(), err error) {
	from, done = cmd.InOrStdin(), func() {}
	if name != standardStream {
		file, err := os.Open(name)
		if err != nil {
			return nil, nil, fmt.Errorf("opening the export: %w", err)
		}
		from, done = file, func() { _ = file.Close() } // it is only read
	}
	progress := newProgress(cmd.ErrOrStderr())
	return &countedReader{Reader: from, report: func(n int64) { progress.report("%s so far", size(n)) }}, done, nil
}

// errNotImported ends an import that stored less than it could have, after it has
// printed what.
var errNotImported = errors.New("some events could not be imported")

func runImport(cmd *cobra.Command, store opened, args []string) error {
	begun := time.Now()
	if args[0] != standardStream {
		// Nothing is stored of a file that is not whole.
		from, done, err := openExport(cmd, args[0])
		if err != nil {
			return err
		}
		_, err = maintenance.VerifyExport(from)
		done()
		if err != nil {
			return err
		}
	}
	from, done, err := openExport(cmd, args[0])
	if err != nil {
		return err
	}
	defer done()
	result, err := store.stores.Import(cmd.Context(), store.access, from)
	printImport(cmd.OutOrStdout(), result, since(begun))
	if err != nil {
		return fmt.Errorf("the import did not reach its end; repeat it, what is stored already stays: %w", err)
	}
	if result.Failed > 0 {
		return errNotImported
	}
	return nil
}

func printImport(out io.Writer, result maintenance.ImportResult, took string) {
	for _, failure := range result.Failures {
		fmt.Fprintln(out, "not imported:", failure)
	}
	fmt.Fprintf(out, "imported %s events in %s; %s were there already, %s have a name that another one has, %s have expired, %s could not be imported\n",
		figure(result.Imported), took, figure(result.AlreadyThere), figure(result.Taken), figure(result.Expired), figure(result.Failed))
}
