// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
)

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve events.k8s.io/v1",
		Long: `Serves the API group events.k8s.io/v1 over HTTPS.

Events are kept in a directory (--data-dir) that belongs to this process alone.
With --storage=etcd they are kept in an etcd, which several servers can share.

Beside a cluster, users and their rights are looked up in the cluster's
kube-apiserver (--kubeconfig, --authentication-kubeconfig,
--authorization-kubeconfig; none of them is needed in a pod). With --standalone
no cluster is needed: the server makes its own certificates and a kubeconfig for
an administrator in --cert-dir.`,
		Example: `  # Without a cluster
  events-apiserver serve --standalone --bind-address=127.0.0.1 --secure-port=16445 \
    --cert-dir=_output/standalone --data-dir=_output/standalone/data
  kubectl --kubeconfig=_output/standalone/kubeconfig get events.events.k8s.io -A

  # In a pod, with a volume for the events and a given serving certificate
  events-apiserver serve --data-dir=/var/lib/events-apiserver/data \
    --tls-cert-file=tls.crt --tls-private-key-file=tls.key

  # In several pods, which share an etcd
  events-apiserver serve --storage=etcd --etcd-servers=https://etcd:2379 --etcd-cafile=ca.crt \
    --tls-cert-file=tls.crt --tls-private-key-file=tls.key

  # Beside a cluster, as a process of its own
  events-apiserver serve --data-dir=data --kubeconfig=kubeconfig \
    --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig`,
		Args: cobra.NoArgs,
	}

	api, err := apiserver.NewAPI()
	if err != nil {
		return failing(cmd, err)
	}
	given, err := options.NewOptions(api)
	if err != nil {
		return failing(cmd, err)
	}
	groups := given.Flags()
	problems := &flagProblems{}
	for _, name := range groups.Order {
		problems.collectFrom(groups.FlagSets[name])
		cmd.Flags().AddFlagSet(groups.FlagSets[name])
	}
	setHelp(cmd, groups)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return errors.Join(append(problems.all(), explainUnknown(err))...)
	})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return serve(cmd, given, problems)
	}
	return cmd
}

// setHelp shows the flags in their groups; cobra would show more than a hundred
// of them in one list.
func setHelp(cmd *cobra.Command, groups cliflag.NamedFlagSets) {
	const noWrapping = 0
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%s\n\nUsage:\n  %s\n\nExamples:\n%s\n", cmd.Long, cmd.UseLine(), cmd.Example)
		cliflag.PrintSections(out, groups, noWrapping)
	})
}

// failing makes a command that returns an error of its construction when it is run,
// so that the other commands still work.
func failing(cmd *cobra.Command, err error) *cobra.Command {
	cmd.RunE = func(*cobra.Command, []string) error { return err }
	return cmd
}

func serve(cmd *cobra.Command, given *options.Options, problems *flagProblems) error {
	completed := given.Complete()
	if errs := append(problems.all(), completed.Validate()...); len(errs) > 0 {
		return errors.Join(errs...)
	}
	if err := logsapi.ValidateAndApply(completed.Logging, nil); err != nil {
		return fmt.Errorf("setting up logging: %w", err)
	}
	defer logs.FlushLogs()
	limitMemoryOfContainer(cmd.Context())
	if completed.Storage.Backend == options.StorageEmbedded {
		LimitGarbage()
	}
	return Run(cmd.Context(), completed)
}
