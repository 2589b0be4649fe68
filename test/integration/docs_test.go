// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// manual runs commands of the documentation as they are printed there. In place of
// kubectl there is a script that runs events-apiserver here instead of in a pod, and
// nothing but that.
type manual struct {
	// dir is where the commands are run.
	dir string
	// dataDir, etcd and encryption stand for what has other names in a pod.
	dataDir, etcd, encryption string
}

const (
	kubectlInPlace = `#!/bin/sh
set -eu
while [ "$1" != -- ]; do shift; done
shift 2
exec bin/events-apiserver "$@"
`
	programInPlace = `#!/bin/sh
set -eu
for arg in "$@"; do
  shift
  set -- "$@" "$(printf %%s "$arg" | sed \
    -e "s|/var/lib/events-apiserver/data|$DOCS_DATA_DIR|" \
    -e "s|http://events-apiserver-etcd.events-apiserver.svc:2379|$DOCS_ETCD|" \
    -e "s|/etc/events-apiserver/encryption/encryption.yaml|$DOCS_ENCRYPTION|")"
done
%s=1 exec %q "$@"
`
)

func newManual(t *testing.T) *manual {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := &manual{dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(m.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"events-apiserver": fmt.Sprintf(programInPlace, asCommand, self),
		"kubectl":          kubectlInPlace,
	} {
		if err := os.WriteFile(filepath.Join(m.dir, "bin", name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// path returns the path of a file that the commands name.
func (m *manual) path(name string) string { return filepath.Join(m.dir, name) }

// follow runs the one block of commands of a document that has the text, and
// returns what it prints.
func (m *manual) follow(t *testing.T, document, text string) string {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", blockOf(t, document, text))
	shell.Dir = m.dir
	shell.Env = append(os.Environ(), "PATH="+filepath.Join(m.dir, "bin")+":"+os.Getenv("PATH"),
		"DOCS_DATA_DIR="+m.dataDir, "DOCS_ETCD="+m.etcd, "DOCS_ENCRYPTION="+m.encryption)
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	if err := shell.Run(); err != nil {
		t.Fatalf("the commands of %s with %q: %v\n%s", document, text, err, out.String())
	}
	return out.String()
}

// blockOf returns the block of commands.
func blockOf(t *testing.T, document, text string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, block := range strings.Split(string(content), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if strings.Contains(block, text) {
			found = append(found, block)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks of commands with %q, want one", document, len(found), text)
	}
	return found[0]
}
