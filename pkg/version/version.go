// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package version

import "runtime"

// Set by the linker (hack/image/ldflags.sh); the values here are what a plain
// `go build` gets.
var (
	gitVersion   = "v0.0.0-unknown" //nolint:gochecknoglobals // the linker sets it
	gitCommit    = "unknown"        //nolint:gochecknoglobals // the linker sets it
	gitTreeState = "unknown"        //nolint:gochecknoglobals // the linker sets it
)

// Info describes a build.
type Info struct {
	// Version is a semantic version with a leading v.
	Version string `json:"version"`
	// Commit is the full hash of the commit that was built.
	Commit string `json:"commit"`
	// TreeState is "clean", or "dirty" when built with uncommitted changes.
	TreeState string `json:"treeState"`
	// GoVersion is the toolchain that built it.
	GoVersion string `json:"goVersion"`
	// Platform is the operating system and architecture it was built for.
	Platform string `json:"platform"`
}

// Get returns the description of the running build.
func Get() Info {
	return Info{
		Version:   gitVersion,
		Commit:    gitCommit,
		TreeState: gitTreeState,
		GoVersion: runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
	}
}
