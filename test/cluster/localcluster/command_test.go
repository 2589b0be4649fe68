// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	t.Parallel()
	root := newCommand(io.Discard)
	for _, command := range append(root.Commands(), root) {
		if command.Short == "" || command.Example == "" {
			t.Errorf("%s has no description or no example", command.CommandPath())
		}
	}
}

func TestPortsFromEnv(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag, env string
		want      int
		err       string
	}{
		"neither":         {"", "", 16443, ""},
		"environment":     {"", "26443", 26443, ""},
		"flag":            {"36443", "", 36443, ""},
		"flag goes first": {"36443", "26443", 36443, ""},
		"no number":       {"", "x", 0, "EVENTS_LOCAL_KUBE_APISERVER_PORT"},
		"too big":         {"", "70000", 0, "EVENTS_LOCAL_KUBE_APISERVER_PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ports := cluster.DefaultPorts()
			flags := pflag.NewFlagSet("up", pflag.ContinueOnError)
			flags.IntVar(&ports.KubeAPIServer, "kube-apiserver-port", ports.KubeAPIServer, "")
			if test.flag != "" {
				if err := flags.Set("kube-apiserver-port", test.flag); err != nil {
					t.Fatal(err)
				}
			}
			err := portsFromEnv(flags, &ports, func(name string) (string, bool) {
				return test.env, test.env != "" && name == "EVENTS_LOCAL_KUBE_APISERVER_PORT"
			})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want an error that names %s", err, test.err)
				}
				return
			}
			if err != nil || ports.KubeAPIServer != test.want {
				t.Errorf("got %d, %v, want %d", ports.KubeAPIServer, err, test.want)
			}
		})
	}
}

func TestStoreFromEnv(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ flag, env, want string }{
		"neither":         {"", "", "embedded"},
		"environment":     {"", "etcd", "etcd"},
		"flag goes first": {"embedded", "etcd", "embedded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var store string
			flags := pflag.NewFlagSet("up", pflag.ContinueOnError)
			flags.StringVar(&store, "store", "embedded", "")
			if test.flag != "" {
				if err := flags.Set("store", test.flag); err != nil {
					t.Fatal(err)
				}
			}
			storeFromEnv(flags, &store, func(name string) (string, bool) {
				return test.env, test.env != "" && name == "EVENTS_LOCAL_STORE"
			})
			if store != test.want {
				t.Errorf("got %s, want %s", store, test.want)
			}
		})
	}
}

func TestWithoutCluster(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command string
		says    string
		fails   bool
	}{
		{"down", "nothing to stop", false},
		{"status", "make up", false},
		{"register", "no cluster runs", true},
		{"give-back", "no cluster runs", true},
		{"restart", "no cluster runs", true},
	} {
		t.Run(test.command, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			root := newCommand(&out)
			args := []string{test.command, "--dir", t.TempDir()}
			if test.command == "restart" {
				args = append(args, cluster.Etcd)
			}
			root.SetArgs(args)
			err := root.ExecuteContext(t.Context())
			if (err != nil) != test.fails {
				t.Errorf("got error %v, want one: %v", err, test.fails)
			}
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if !strings.Contains(said, test.says) {
				t.Errorf("got %q, want %q in it", said, test.says)
			}
		})
	}
}

// The first thing that a new user compares is what README.md says `make up`
// prints.
func TestReadmeShowsWhatUpPrints(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := explanation("_output/cluster/admin.kubeconfig", "…", "v1.37.2", false)
	if !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not show what make up prints:\n%s", want)
	}
}
