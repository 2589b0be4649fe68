// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"k8s.io/klog/v2"
)

const help = `Reconcile the ConfigMaps of a namespace and record an event for each change.

Usage:
  controllerruntime --namespace=NAMESPACE

Examples:
  KUBECONFIG=_output/cluster/admin.kubeconfig controllerruntime --namespace=default

Flags:
`

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "controllerruntime: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	// controller-runtime adds --kubeconfig.
	namespace := flag.String("namespace", "", "namespace whose ConfigMaps are reconciled")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), help)
		flag.PrintDefaults()
	}
	flag.Parse()
	if *namespace == "" {
		return errors.New("--namespace is missing; see --help")
	}
	ctrl.SetLogger(klog.Background())
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding a cluster: %w", err)
	}
	mgr, err := newManager(config, *namespace)
	if err != nil {
		return err
	}
	if err := mgr.Start(ctrl.SetupSignalHandler()); err != nil {
		return fmt.Errorf("running the manager: %w", err)
	}
	return nil
}
