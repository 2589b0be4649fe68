// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// local is what all commands share.
type local struct {
	dir string
	out io.Writer
}

func newCommand(out io.Writer) *cobra.Command {
	l := &local{out: out}
	root := &cobra.Command{
		Use:   "localcluster",
		Short: "Run a real Kubernetes control plane on this machine, with events-apiserver in it",
		Example: `  make up                                             # build all, start all, register
  go run ./test/cluster/localcluster status
  go run ./test/cluster/localcluster restart kube-apiserver
  make down`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(out)
	root.PersistentFlags().StringVar(&l.dir, "dir", "_output/cluster", "directory of the cluster: its data, keys, kubeconfigs and logs")
	root.AddCommand(l.up(), l.down(), l.status(), l.register(), l.giveBack(), l.restart())
	return root
}

func (l *local) open() (*cluster.Cluster, error) { return cluster.Open(l.dir, l.out) }
