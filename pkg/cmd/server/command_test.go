// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
)

// execute runs the command line and returns what a person would see.
func execute(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var stdout bytes.Buffer
	root := NewCommand(&stdout, &stdout)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return stdout.String(), err
}

// wrongValues holds, for each flag whose type takes any text, a value that it
// must refuse. %s stands for a file with nothing useful in it.
func wrongValues() map[string]string {
	return map[string]string{
		"admission-control-config-file":        "/does/not/exist",
		"audit-log-format":                     "xml",
		"audit-log-mode":                       "sometimes",
		"audit-log-version":                    "v0",
		"audit-policy-file":                    "%s",
		"audit-webhook-config-file":            "%s",
		"audit-webhook-mode":                   "sometimes",
		"audit-webhook-version":                "v0",
		"authentication-kubeconfig":            "%s",
		"authorization-kubeconfig":             "%s",
		"cert-dir":                             "",
		"cert-hosts":                           "",
		"client-ca-file":                       "%s",
		"cors-allowed-origins":                 "(",
		"data-dir":                             "/data",
		"disable-admission-plugins":            "NoSuchPlugin",
		"egress-selector-config-file":          "/does/not/exist",
		"enable-admission-plugins":             "NoSuchPlugin",
		"encryption-provider-config":           "/does/not/exist",
		"etcd-cafile":                          "%s",
		"etcd-certfile":                        "/does/not/exist",
		"etcd-keyfile":                         "/does/not/exist",
		"etcd-servers":                         "localhost",
		"etcd-servers-overrides":               "nonsense",
		"feature-gates":                        "NoSuchFeature=true",
		"host-events":                          "sometimes",
		"host-events-lease":                    "Not/A/Name",
		"kubeconfig":                           "%s",
		"logging-format":                       "xml",
		"requestheader-client-ca-file":         "%s",
		"requestheader-extra-headers-prefix":   " ",
		"requestheader-allowed-names":          " ",
		"requestheader-group-headers":          " ",
		"requestheader-uid-headers":            " ",
		"requestheader-username-headers":       " ",
		"storage":                              "memory",
		"storage-backend":                      "etcd2",
		"storage-media-type":                   "application/xml",
		"strict-transport-security-directives": "nonsense",
		"tls-cert-file":                        "%s",
		"tls-cipher-suites":                    "ROT13",
		"tls-curve-preferences":                "0",
		"tls-min-version":                      "SSL2",
		"tls-private-key-file":                 "%s",
		"tls-sni-cert-key":                     "a,b,c",
		"tracing-config-file":                  "/does/not/exist",
		"vmodule":                              "a=b=c",
		"watch-cache-sizes":                    "nonsense",
	}
}

// anyValue holds the flags that take every text.
func anyValue() sets.Set[string] {
	return sets.New(
		"audit-log-path",                   // made when missing
		"authorization-always-allow-paths", // any path may be named
		"debug-socket-path",                // made when missing
		"etcd-prefix",                      // any root will do
		"external-hostname",                // only shown to clients
	)
}

// Every flag must refuse a wrong value with an error that names it: an operator
// with thirty flags in a manifest has nothing else to go by.
func TestServe_EveryFlagRefusesAWrongValueByName(t *testing.T) {
	t.Parallel()
	useless := filepath.Join(t.TempDir(), "useless")
	if err := os.WriteFile(useless, []byte("nothing useful"), 0o600); err != nil {
		t.Fatal(err)
	}
	api, err := apiserver.NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	given, err := options.NewOptions(api)
	if err != nil {
		t.Fatal(err)
	}
	wrong := wrongValues()
	flagSets := given.Flags()
	for _, set := range flagSets.Order {
		flagSets.FlagSets[set].VisitAll(func(flag *pflag.Flag) {
			value, listed := wrong[flag.Name]
			if !listed {
				if anyValue().Has(flag.Name) {
					return
				}
				if kind := flag.Value.Type(); kind == "string" || strings.HasSuffix(kind, "Slice") {
					t.Errorf("--%s takes text, but no wrong value is listed for it: list one, or say that it takes every text", flag.Name)
					return
				}
				value = "nonsense"
			}
			value = strings.Replace(value, "%s", useless, 1)
			// The missing etcd keeps a server from starting should the value pass.
			_, err := execute(t, "serve", "--storage=etcd", "--"+flag.Name+"="+value)
			if err == nil {
				t.Errorf("--%s=%q was accepted", flag.Name, value)
				return
			}
			if !namesFlag(err, flag.Name) {
				t.Errorf("--%s=%q is refused without the name of the flag:\n%s", flag.Name, value, FormatError(err))
			}
		})
	}
}

func namesFlag(err error, flag string) bool {
	for line := range strings.SplitSeq(FormatError(err), "\n") {
		// Where the refusal is about etcd-servers missing, it is not about a
		// flag whose name begins the same.
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" :,\"'=", r) }) {
			if strings.TrimPrefix(word, "--") == flag {
				return true
			}
		}
	}
	return false
}

func TestServe_ReportsAllWrongFlagsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := execute(t, "serve", "--secure-port=many", "--event-ttl=0s", "--profiling=maybe",
		"--storage=memory", "--kubeconfig=/does/not/exist", "--tls-cert-file=/does/not/exist")
	if err == nil {
		t.Fatal("no error")
	}
	for _, flag := range []string{"secure-port", "event-ttl", "profiling", "storage", "kubeconfig", "tls-cert-file"} {
		if !namesFlag(err, flag) {
			t.Errorf("--%s is not reported in:\n%s", flag, FormatError(err))
		}
	}
	if lines := strings.Count(FormatError(err), "--secure-port"); lines != 1 {
		t.Errorf("--secure-port is reported %d times:\n%s", lines, FormatError(err))
	}
}

func TestServe_RefusesUnknownFlagsTogetherWithWrongValues(t *testing.T) {
	t.Parallel()
	_, err := execute(t, "serve", "--secure-port=many", "--no-such-flag=1")
	if err == nil || !namesFlag(err, "no-such-flag") || !namesFlag(err, "secure-port") {
		t.Errorf("got %v", err)
	}
}

func TestServe_NamesTheNewFlagForAnOldOne(t *testing.T) {
	t.Parallel()
	for old, name := range renamedFlags() {
		if _, err := execute(t, "serve", "--"+old+"=1"); err == nil || !namesFlag(err, old) || !namesFlag(err, name) {
			t.Errorf("--%s: got %v, want an error that names --%s", old, err, name)
		}
	}
}

func TestServe_RefusesClusterFlagsStandalone(t *testing.T) {
	t.Parallel()
	_, err := execute(t, "serve", "--standalone", "--kubeconfig=/does/not/exist", "--tls-cert-file=a", "--tls-private-key-file=b")
	if err == nil || !strings.Contains(FormatError(err), "--kubeconfig cannot be used with --standalone") ||
		!strings.Contains(FormatError(err), "--tls-cert-file cannot be used with --standalone") {
		t.Errorf("got %v", err)
	}
}

func TestCommands_HaveHelpWithExamples(t *testing.T) {
	t.Parallel()
	commands := []*cobra.Command{NewCommand(nil, nil)}
	for len(commands) > 0 {
		cmd := commands[0]
		commands = append(commands[1:], cmd.Commands()...)
		if cmd.Short == "" || !strings.Contains(cmd.Example, "events-apiserver") {
			t.Errorf("%s has no short description or no example", cmd.CommandPath())
		}
	}
	help, err := execute(t, "serve", "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--standalone", "--event-ttl", "Storage flags", "events-apiserver serve --standalone"} {
		if !strings.Contains(help, want) {
			t.Errorf("serve --help does not mention %q", want)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	out, err := execute(t, "version")
	if err != nil || !strings.HasPrefix(out, "events-apiserver v") {
		t.Errorf("got %q, %v", out, err)
	}
	out, err = execute(t, "version", "--json")
	if err != nil || !strings.Contains(out, `"goVersion"`) {
		t.Errorf("got %q, %v", out, err)
	}
}
