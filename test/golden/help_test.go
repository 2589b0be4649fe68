// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // how go test takes a flag

// Every command has its help in testdata/help, and each file there is of a command.
func TestHelp(t *testing.T) {
	const dir = "testdata/help"
	wanted := map[string]bool{}
	for _, path := range commands(server.NewCommand(nil, nil)) {
		file := strings.ReplaceAll(path, " ", "-") + ".txt"
		wanted[file] = true
		t.Run(path, func(t *testing.T) {
			Compare(t, filepath.Join(dir, file), help(t, path), *update)
		})
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if wanted[file.Name()] {
			continue
		}
		t.Errorf("%s is the help of no command: delete it", filepath.Join(dir, file.Name()))
	}
}

// commands are the paths of a command and of all below it.
func commands(command *cobra.Command) []string {
	paths := []string{command.CommandPath()}
	for _, sub := range command.Commands() {
		if sub.IsAvailableCommand() {
			paths = append(paths, commands(sub)...)
		}
	}
	return paths
}

// help runs the command line as a user does.
func help(t *testing.T, path string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	root := server.NewCommand(&out, &errOut)
	root.SetArgs(append(strings.Fields(path)[1:], "--help"))
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errOut.Len() > 0 {
		t.Errorf("help is written to the error output:\n%s", errOut.String())
	}
	return out.String()
}
