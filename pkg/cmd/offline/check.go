// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

func newCheckCommand() *cobra.Command {
	return withDataDir(&cobra.Command{
		Use:   "check",
		Short: "Verify a data directory, without changing it",
		Long: `Reads all of a data directory of --storage=embedded and verifies it: the
checksums of the files, that revisions follow each other, that indexes, deadlines
and counters agree with the events, and that every event can be decoded. Nothing
in the directory is changed, also not what a killed server left. Events that are
encrypted are not looked into.

It prints what it found, and ends with status 1 if something is wrong. No server
may use the directory meanwhile. To check the data of a running one, save a
snapshot of it, restore that into an empty directory, and check this one.`,
		Example: `  events-apiserver check --data-dir=/var/lib/events-apiserver

  # The data of a running server
  events-apiserver snapshot save --data-dir=/var/lib/events-apiserver events.snapshot
  events-apiserver snapshot restore --data-dir=/tmp/events events.snapshot
  events-apiserver check --data-dir=/tmp/events`,
		Args: exactArgs(0, "no arguments"),
	}, runCheck)
}

func runCheck(cmd *cobra.Command, dir string, _ []string) error {
	api, err := apiserver.NewAPI()
	if err != nil {
		return err
	}
	stores, err := api.Maintenance()
	if err != nil {
		return err
	}
	begun, progress := time.Now(), newProgress(cmd.ErrOrStderr())
	report, err := stores.Check(cmd.Context(), dir, func(reading string, done int64) {
		progress.report("%s: %s so far", reading, figure(done))
	})
	if err != nil {
		return err
	}
	printReport(cmd.OutOrStdout(), report)
	if len(report.Problems) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "nothing is wrong (%s)\n", since(begun))
		return nil
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(cmd.OutOrStdout(), "wrong:", problem)
	}
	if report.More {
		fmt.Fprintln(cmd.OutOrStdout(), "wrong: and more")
	}
	return errDamaged
}

// errDamaged ends a check that found something wrong, after it has said what.
var errDamaged = errors.New("something is wrong; restore a snapshot into another directory, or start with an empty one")

func printReport(out io.Writer, report maintenance.CheckReport) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("format", "%d", report.Format)
	line("events", "%s, %s", figure(report.Keys), size(report.Bytes))
	if report.Opaque > 0 {
		line("", "%s versions of events are encrypted and were not decoded", figure(report.Opaque))
	}
	line("history", "%s older versions and deletions, not compacted yet", figure(report.Versions-report.Keys))
	line("revisions", "newest %s, oldest readable %s", figure(uint64(report.Revision)), figure(uint64(report.CompactRevision)))
	for _, index := range report.Indexes {
		line("index", "%s, %s entries%s", index.Name, figure(index.Rows), indexRemark(index.Ready))
	}
	line("on disk", "%s", size(report.DiskBytes))
}

func indexRemark(ready bool) string {
	if ready {
		return ""
	}
	return ", not built yet, or by an earlier version: not compared with the events"
}
