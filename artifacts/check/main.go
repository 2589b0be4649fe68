// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
)

const usage = `Checks rendered manifests, one complete installation in each file.

Usage:
  go run ./artifacts/check FILE...

Example:
  kubectl kustomize artifacts/overlays/default > default.yaml
  go run ./artifacts/check default.yaml
`

func main() {
	files := os.Args[1:]
	if len(files) == 0 || files[0] == "--help" || files[0] == "-h" {
		fmt.Fprint(os.Stderr, usage)
		if len(files) == 0 {
			os.Exit(2)
		}
		return
	}
	failed := false
	for _, file := range files {
		for _, problem := range checkFile(file) {
			fmt.Fprintf(os.Stderr, "%s: %s\n", file, problem)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func checkFile(file string) []string {
	rendered, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	manifest, err := parse(rendered)
	if err != nil {
		return []string{err.Error()}
	}
	return check(manifest)
}
