// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import "github.com/spf13/cobra"

// Commands returns all commands of the package.
func Commands() []*cobra.Command {
	return []*cobra.Command{newCertificateCommand(), newCheckCommand(), newSnapshotCommand(), newCompactCommand(), newPreflightCommand()}
}
