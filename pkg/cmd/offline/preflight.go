// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/events-apiserver/events-apiserver/pkg/preflight"
)

const (
	// preflightTimeout bounds each request of a preflight.
	preflightTimeout = 15 * time.Second
	// mostProbeWrites keeps a preflight from filling a cluster with events.
	mostProbeWrites = 500
)

// preflightOptions are the flags of preflight.
type preflightOptions struct {
	kubeconfig, account, output string
	probeWrites                 int
}

func newPreflightCommand() *cobra.Command {
	o := &preflightOptions{account: "events-apiserver/events-apiserver", output: "text"}
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Look at a cluster for what would make events-apiserver answer otherwise than kube-apiserver",
		Long: `Looks at a cluster, before or after events-apiserver is registered in it: its
version, the rights of the server's account, admission policies and webhooks that
match events, priority and fairness, limits of events, and resource versions.

It prints a line for each finding: ok; a warning, which is for you to judge; or a
problem, which makes the server fail or answer wrongly. With a problem it ends with
status 1, else with 0. It changes nothing, unless --probe-writes is given.

Run it as an administrator of the cluster. What who runs it may not read is a
warning.`,
		Example: `  events-apiserver preflight --kubeconfig=$HOME/.kube/config

  # Write 100 events as the server's account, see whether they are limited, delete them
  events-apiserver preflight --kubeconfig=$HOME/.kube/config --probe-writes=100`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "The kubeconfig of the cluster to look at. Without it the pod's own service account is used.")
	flags.StringVar(&o.account, "service-account", o.account, "The server's service account, as namespace/name.")
	flags.StringVar(&o.output, "output", o.output, "How to print the findings: text or json.")
	flags.IntVar(&o.probeWrites, "probe-writes", 0, fmt.Sprintf("How many core/v1 events to write into the account's namespace, as the account, to see whether kube-apiserver limits them; they are deleted again. It takes the right to impersonate the account, and lasts ten seconds at most. At most %d.", mostProbeWrites))
	return cmd
}

// errProblems ends a preflight that has printed a problem.
var errProblems = errors.New("there are problems; see to them before you register events-apiserver")

func (o *preflightOptions) run(cmd *cobra.Command) error {
	account, err := o.complete()
	if err != nil {
		return err
	}
	cluster, err := o.cluster(account)
	if err != nil {
		return err
	}
	findings, err := preflight.Run(cmd.Context(), cluster, preflight.Options{Account: account, ProbeWrites: o.probeWrites})
	if err != nil {
		return err
	}
	if err := printFindings(cmd.OutOrStdout(), o.output, findings); err != nil {
		return err
	}
	for _, finding := range findings {
		if finding.Level == preflight.Problem {
			return errProblems
		}
	}
	return nil
}

// complete returns the account, and everything that is wrong with the flags.
func (o *preflightOptions) complete() (preflight.Account, error) {
	var wrong []error
	namespace, name, found := strings.Cut(o.account, "/")
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		wrong = append(wrong, fmt.Errorf("--service-account is %q: want namespace/name", o.account))
	}
	if o.output != "text" && o.output != "json" {
		wrong = append(wrong, fmt.Errorf("--output is %q: want text or json", o.output))
	}
	if o.probeWrites < 0 || o.probeWrites > mostProbeWrites {
		wrong = append(wrong, fmt.Errorf("--probe-writes is %d: want 0 to %d", o.probeWrites, mostProbeWrites))
	}
	return preflight.Account{Namespace: namespace, Name: name}, errors.Join(wrong...)
}

func (o *preflightOptions) cluster(account preflight.Account) (preflight.Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return preflight.Cluster{}, fmt.Errorf("reading --kubeconfig=%s: %w", o.kubeconfig, err)
	}
	config.QPS, config.Timeout = -1, preflightTimeout
	config.UserAgent = "events-apiserver-preflight"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return preflight.Cluster{}, fmt.Errorf("making a client: %w", err)
	}
	as := rest.CopyConfig(config)
	as.Impersonate = rest.ImpersonationConfig{UserName: account.Username(), Groups: account.Groups()}
	asAccount, err := kubernetes.NewForConfig(as)
	if err != nil {
		return preflight.Cluster{}, fmt.Errorf("making a client: %w", err)
	}
	return preflight.Cluster{
		Client: client, AsAccount: asAccount,
		Get: func(ctx context.Context, path string) ([]byte, error) {
			return client.Discovery().RESTClient().Get().AbsPath(path).DoRaw(ctx)
		},
	}, nil
}

func printFindings(out io.Writer, output string, findings []preflight.Finding) error {
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(findings)
	}
	for _, finding := range findings {
		line := fmt.Sprintf("%-7s %-17s ", finding.Level, finding.Check)
		if finding.Object != "" {
			line += finding.Object + " "
		}
		line += finding.Message
		if finding.Action != "" {
			line += ". To do: " + finding.Action
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
