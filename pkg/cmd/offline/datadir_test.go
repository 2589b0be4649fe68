// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// execute runs a command line and returns what a person would see.
func execute(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var stdout bytes.Buffer
	root := &cobra.Command{Use: "events-apiserver", SilenceErrors: true, SilenceUsage: true}
	root.SetOut(&stdout)
	root.SetErr(&stdout)
	root.AddCommand(Commands()...)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return stdout.String(), err
}

// What the commands do with a data directory is tested in test/integration, with
// servers; here is what they refuse.
func TestDataDirCommands_Refuse(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"check":                                      "--data-dir is required",
		"check x --data-dir=" + empty:                "check takes no arguments, got 1",
		"check --data-dir=" + empty:                  "not a data directory: " + empty + " has no file FORMAT",
		"check --data-dir=" + empty + "/absent":      "not a data directory",
		"check --data-dir=" + file:                   "not a directory",
		"snapshot":                                   "say what to do: events-apiserver snapshot save, verify, restore, export or import",
		"snapshot make":                              `unknown command "make"`,
		"snapshot save":                              "save takes a file, got 0 arguments",
		"snapshot save " + file:                      "--data-dir is required",
		"snapshot save a b --data-dir=" + empty:      "save takes a file, got 2 arguments",
		"snapshot save --data-dir=" + empty + " -":   "not a data directory",
		"snapshot verify":                            "verify takes a file, got 0 arguments",
		"snapshot verify a b":                        "verify takes a file, got 2 arguments",
		"snapshot verify /absent":                    "/absent: opening the snapshot",
		"snapshot verify " + file:                    file + ": not a whole snapshot: it does not begin as a snapshot",
		"snapshot verify " + file + " --data-dir=x":  "unknown flag: --data-dir",
		"snapshot restore":                           "restore takes a file, got 0 arguments",
		"snapshot restore " + file:                   "--data-dir is required",
		"snapshot restore /absent --data-dir=x":      "opening the snapshot",
		"snapshot restore " + file + " --data-dir=x": "does not begin as a snapshot",
		"compact":                                                          "--data-dir is missing",
		"compact --data-dir=" + empty:                                      "not a data directory",
		"compact --data-dir=x --revision=0":                                "--revision must be above 0",
		"compact --data-dir=x --revision=-1":                               "--revision",
		"compact x --data-dir=" + empty:                                    "compact takes no arguments",
		"compact --rewrite --revision=5 --data-dir=" + empty:               "--revision cannot be used with --rewrite",
		"compact --rewrite --data-dir=" + empty:                            "not a data directory",
		"compact --rewrite --data-dir=" + empty + "/absent":                "not a data directory",
		"compact --storage=etcd --etcd-servers=http://localhost:1":         "only --rewrite can be done here",
		"compact --rewrite --storage=etcd":                                 "--etcd-servers must be specified",
		"snapshot export":                                                  "export takes a file, got 0 arguments",
		"snapshot export " + file:                                          "--data-dir is missing",
		"snapshot export " + file + " --data-dir=" + empty:                 "not a data directory",
		"snapshot export - --data-dir=x --etcd-servers=http://localhost:1": "--etcd-servers is for --storage=etcd",
		"snapshot export - --storage=etcd --etcd-servers=localhost":        "want a URL like",
		"snapshot export - --data-dir=x --encryption-provider-config=/no":  "--encryption-provider-config=/no",
		"snapshot import":                                                  "import takes a file, got 0 arguments",
		"snapshot import " + file:                                          "--data-dir is missing",
		"snapshot import /absent --data-dir=x":                             "opening the export",
		"snapshot import /absent --dry-run":                                "opening the export",
		"snapshot import " + file + " --data-dir=x":                        "it is cut off after 0 records",
		"snapshot import " + file + " --dry-run":                           "it is cut off after 0 records",
	} {
		if _, err := execute(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("the empty directory holds %v, %v", left, err)
	}
	if _, err := os.Stat("x"); !os.IsNotExist(err) {
		t.Errorf("a restore that failed has left its directory: %v", err)
	}
}

// TestWriteWhole keeps the file that is there until there is a whole new one.
func TestWriteWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	for _, step := range []struct {
		write string
		err   error
		want  string
	}{
		{"first", nil, "first"},
		{"half", errors.New("cut off"), "first"},
		{"second", nil, "second"},
	} {
		err := writeWhole(name, func(w io.Writer) error {
			_, err := io.WriteString(w, step.write)
			return errors.Join(err, step.err)
		})
		if !errors.Is(err, step.err) {
			t.Errorf("writing %q: %v, want %v", step.write, err, step.err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != step.want {
			t.Errorf("the file has %q and %v, want %q", got, err, step.want)
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
			t.Errorf("files %v and %v, want one", all, err)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v and %v, want it to be its owner's alone", info.Mode(), err)
	}
}
