// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "path/filepath"

const (
	loopback = "127.0.0.1"
	lockName = "lock"
)

// layout names the files below a cluster's directory.
type layout struct{ dir string }

func (l layout) data(component string) string { return filepath.Join(l.dir, "data", component) }
func (l layout) log(component string) string  { return filepath.Join(l.dir, "logs", component+".log") }
func (l layout) pki(file string) string       { return filepath.Join(l.dir, "pki", file) }
func (l layout) manifests() string            { return filepath.Join(l.dir, "manifests") }

// kubeconfig of a component or of the administrator.
func (l layout) kubeconfig(name string) string {
	return filepath.Join(l.dir, name+".kubeconfig")
}

func (l layout) userKubeconfig(name string) string {
	return filepath.Join(l.dir, "users", name+".kubeconfig")
}

// serverCerts is where events-apiserver makes its own serving certificate.
func (l layout) serverCerts() string { return filepath.Join(l.dir, EventsAPIServer, "certs") }

// owned are the entries that a cluster may put into its directory, and so the
// ones that may be deleted with it: the directory itself is the user's choice
// and may hold more.
func (l layout) owned() []string {
	names := []string{"data", "logs", "pki", "manifests", "users", EventsAPIServer, "cluster.json", lockName}
	for _, user := range []string{adminName, KubeControllerManager, KubeScheduler, EventsAPIServer} {
		names = append(names, user+".kubeconfig")
	}
	return names
}
