// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// upOptions are the flags of up.
type upOptions struct {
	toolsDir string
	binary   string
	store    string
	plain    bool
	ports    cluster.Ports
}

func (l *local) up() *cobra.Command {
	o := &upOptions{ports: cluster.DefaultPorts()}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster and register events-apiserver in it",
		Long: `Start the cluster and register events-apiserver in it.

To be run at the root of the checkout. The cluster lives on when the command ends.
The store and each port can be set by an environment variable too, named like its
flag: EVENTS_LOCAL_STORE for --store, EVENTS_LOCAL_KUBE_APISERVER_PORT for
--kube-apiserver-port.`,
		Example: `  localcluster up
  localcluster up --store=etcd                      # the events in an etcd of their own
  localcluster up --without-events-apiserver        # a plain control plane
  EVENTS_LOCAL_STORE=etcd EVENTS_LOCAL_KUBE_APISERVER_PORT=26443 make up`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			storeFromEnv(cmd.Flags(), &o.store, os.LookupEnv)
			if err := portsFromEnv(cmd.Flags(), &o.ports, os.LookupEnv); err != nil {
				return err
			}
			return l.runUp(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.toolsDir, "tools-dir", "", "directory of the programs (default: what hack/cluster/build.sh --print-dir says)")
	flags.StringVar(&o.binary, "binary", "bin/events-apiserver", "events-apiserver to run")
	flags.StringVar(&o.store, "store", cluster.StoreEmbedded, "where events-apiserver keeps its events: "+cluster.StoreEmbedded+" or "+cluster.StoreEtcd)
	flags.BoolVar(&o.plain, "without-events-apiserver", false, "start a plain control plane, which serves its events itself")
	for _, port := range o.ports.Named() {
		flags.IntVar(port.Value, port.Name, *port.Value, "port for "+port.Component+"; 0 is any free one")
	}
	return cmd
}

// storeFromEnv lets the environment choose the store if no flag does. What it
// names is checked with everything else.
func storeFromEnv(flags *pflag.FlagSet, store *string, lookup func(string) (string, bool)) {
	if name, set := lookup("EVENTS_LOCAL_STORE"); set && !flags.Changed("store") {
		*store = name
	}
}

// portsFromEnv lets the environment set the ports that no flag sets, since
// "make up" takes no flags.
func portsFromEnv(flags *pflag.FlagSet, ports *cluster.Ports, lookup func(string) (string, bool)) error {
	for _, port := range ports.Named() {
		text, set := lookup(port.Env())
		if !set || flags.Changed(port.Name) {
			continue
		}
		number, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return fmt.Errorf("%s is %q, want a port", port.Env(), text)
		}
		*port.Value = int(number)
	}
	return nil
}

func (l *local) runUp(ctx context.Context, o *upOptions) error {
	config, err := l.config(ctx, o)
	if err != nil {
		return err
	}
	c, err := cluster.New(config)
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	if !o.plain {
		// A cluster whose registration failed is kept running: its state shows the reason.
		if err := c.Register(ctx); err != nil {
			return fmt.Errorf("%w\nThe cluster is left running, to look into it: export KUBECONFIG=%s. Stop it: make down", err, l.kubeconfig())
		}
	}
	return l.explain(c, o.plain)
}

func (l *local) config(ctx context.Context, o *upOptions) (cluster.Config, error) {
	config := cluster.Config{
		Dir:      l.dir,
		ToolsDir: o.toolsDir,
		Ports:    o.ports,
		Detached: true,
		Log:      l.out,
	}
	if !o.plain {
		config.RepoDir, config.EventsAPIServer, config.Store = ".", o.binary, o.store
	}
	if config.ToolsDir != "" {
		return config, nil
	}
	var err error
	config.ToolsDir, err = cluster.FindTools(ctx, ".")
	return config, err
}

func (l *local) kubeconfig() string { return filepath.Join(l.dir, "admin.kubeconfig") }

// explain prints how to use the cluster.
func (l *local) explain(c *cluster.Cluster, plain bool) error {
	version, err := c.Version()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(l.out, "\n%s", explanation(l.kubeconfig(), c.Config().ToolsDir, version, plain))
	return err
}

// explanation is what README.md shows, too.
func explanation(kubeconfig, toolsDir, version string, plain bool) string {
	served := "events.k8s.io/v1 is served by events-apiserver"
	if plain {
		served = "it serves its events itself"
	}
	return fmt.Sprintf(`The cluster is up; %s.
  export KUBECONFIG=%s
  export PATH="%s:$PATH"   # kubectl %s
  kubectl create deployment hello --image=hello --replicas=2
  kubectl get events.events.k8s.io -A
Stop it: make down
`, served, kubeconfig, toolsDir, version)
}
