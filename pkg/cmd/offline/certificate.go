// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/pkg/pki"
)

func newCertificateCommand() *cobra.Command {
	var dir string
	hosts := options.DefaultCertHosts()
	cmd := &cobra.Command{
		Use:   "certificate",
		Short: "Make a serving certificate and its authority in a directory",
		Long: `Makes ca.crt, ca.key, tls.crt and tls.key in a directory. The server is given
tls.crt and tls.key; ca.crt goes into the caBundle of the APIService; ca.key
stays with you and signs the next certificate.

Run again on the same directory it keeps the authority, and issues the serving
certificate again if a third of its life or less is left or if it lacks a host.`,
		Example: `  events-apiserver certificate --dir certs
  events-apiserver certificate --dir certs --host events-apiserver.my-namespace.svc`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return errors.New("--dir is required: the directory for the certificates")
			}
			issued, err := pki.EnsureServing(dir, hosts, time.Now())
			if err != nil {
				return fmt.Errorf("making the serving certificate: %w", err)
			}
			what := "is still good"
			if issued {
				what = "was issued"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s, for %v\n", filepath.Join(dir, pki.CertFile), what, hosts)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "The directory for the certificates; made if it is not there.")
	cmd.Flags().StringSliceVar(&hosts, "host", hosts, "DNS names and IP addresses under which the server is reached.")
	return cmd
}
