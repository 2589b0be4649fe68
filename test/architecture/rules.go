// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package architecture

import "slices"

// coveredDirectories hold the packages that are linked into the server, and the
// test that must share no code with it, with what that imports. Each must have a
// rule.
func coveredDirectories() []string { return []string{"cmd", "pkg", "test/crash", "test/freeport"} }

// rules is the table "who may import whom" of docs/architecture.md.
func rules() []rule {
	// Logging, clocks and pointers decide nothing about the architecture.
	basics := []string{"k8s.io/klog/v2", "k8s.io/utils"}

	return []rule{
		{
			dir:     "cmd/events-apiserver",
			own:     []string{"pkg/cmd/server"},
			outside: []string{"github.com/spf13/cobra", "k8s.io/component-base"},
			reason:  "main handles signals and runs the command; all else is in packages that tests can call",
		},
		{
			dir:     "pkg/apis",
			outside: slices.Concat([]string{"k8s.io/api", "k8s.io/apimachinery", "sigs.k8s.io/randfill"}, basics),
			never:   []string{"k8s.io/apiserver", "k8s.io/client-go"},
			reason:  "the types are plain data that every other package builds on",
		},
		{
			dir:     "pkg/generated",
			outside: []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/kube-openapi"},
			reason:  "generated definitions describe types and use nothing of the server",
		},
		{
			dir:     "pkg/engine",
			outside: []string{"github.com/cockroachdb/pebble"},
			never:   []string{"k8s.io"},
			reason:  "the engine stores bytes under revisions and must stay usable and testable without Kubernetes",
		},
		{
			dir: "pkg/storage",
			own: []string{"pkg/engine"},
			outside: slices.Concat([]string{
				"k8s.io/apimachinery",
				"k8s.io/apiserver/pkg/storage",
				// A watch signals priority and fairness when its expensive
				// beginning is over, and only the store knows when that is.
				"k8s.io/apiserver/pkg/util/flowcontrol",
			}, basics),
			never:  []string{module + "/pkg/apis", module + "/pkg/registry"},
			reason: "storage keeps any object; what an Event is, is known above it",
		},
		{
			dir: "pkg/storage/encryption",
			outside: slices.Concat([]string{
				// What encrypts values, and what does not.
				"k8s.io/apiserver/pkg/storage/value",
			}, basics),
			never:  []string{module + "/pkg"},
			reason: "the key manager encrypts a secret in a directory; what else is in there is known above it",
		},
		{
			dir: "pkg/storage/entries",
			own: []string{"pkg/engine", "pkg/storeadmin", "pkg/transfer"},
			outside: slices.Concat([]string{
				// The other store whose entries there are.
				"go.etcd.io/etcd",
				"go.uber.org/zap",
				"k8s.io/apimachinery",
				"k8s.io/apiserver/pkg/storage/storagebackend",
				"k8s.io/apiserver/pkg/storage/value",
			}, basics),
			never:  []string{module + "/pkg/apis", module + "/pkg/registry"},
			reason: "entries are bytes under keys; the codec of the objects in them is given to it",
		},
		{
			dir: "pkg/storage/embedded",
			own: []string{"pkg/engine", "pkg/metrics", "pkg/storage", "pkg/storeadmin", "pkg/transfer"},
			outside: slices.Concat([]string{
				"github.com/cockroachdb/pebble",
				"k8s.io/apimachinery",
				"k8s.io/apiserver",
				// The type of indexers, which the registry passes and nobody reads.
				"k8s.io/client-go/tools/cache",
			}, basics),
			never:  []string{module + "/pkg/apis", module + "/pkg/registry"},
			reason: "the embedded store keeps any object; the assembly says which, by a Content",
		},
		{
			dir: "pkg/storage/maintenance",
			own: []string{"pkg/engine", "pkg/storage", "pkg/storeadmin", "pkg/transfer"},
			outside: slices.Concat([]string{
				"k8s.io/apimachinery",
				"k8s.io/apiserver/pkg/storage/storagebackend",
			}, basics),
			never:  []string{module + "/pkg/apis", module + "/pkg/registry"},
			reason: "maintenance works on the entries of a store; commands and flags are above it",
		},
		{
			dir: "pkg/metrics",
			own: []string{"pkg/engine", "pkg/hostevents", "pkg/storage"},
			outside: slices.Concat([]string{
				"github.com/prometheus/client_golang",
				"k8s.io/apimachinery/pkg/runtime/schema",
				// The figures that etcd's store has, too.
				"k8s.io/apiserver/pkg/storage",
				"k8s.io/component-base/metrics",
			}, basics),
			never:  []string{module + "/pkg/apis", module + "/pkg/registry"},
			reason: "metrics count what engine and storage report; neither knows Prometheus",
		},
		{
			dir: "pkg/registry",
			own: []string{"pkg/apis"},
			outside: slices.Concat([]string{
				"k8s.io/api",
				"k8s.io/apimachinery",
				"k8s.io/apiserver/pkg/endpoints/request",
				"k8s.io/apiserver/pkg/registry",
				"k8s.io/apiserver/pkg/storage",
				"k8s.io/client-go/tools/cache",
				"sigs.k8s.io/structured-merge-diff",
			}, basics),
			never:  []string{module + "/pkg/storage", module + "/pkg/engine"},
			reason: "the registry gets its store through a RESTOptionsGetter and must work with any",
		},
		{
			dir:     "pkg/hostevents",
			own:     []string{"pkg/apis"},
			outside: slices.Concat([]string{"k8s.io/api", "k8s.io/apimachinery"}, basics),
			never:   []string{module + "/pkg/storage", module + "/pkg/engine", module + "/pkg/registry", module + "/pkg/apiserver"},
			reason:  "the bridge to the host declares its own source and sink, so that it can be tested with neither",
		},
		{
			dir:     "pkg/hostevents/internal/pipeline",
			outside: slices.Concat([]string{"golang.org/x/sync"}, basics),
			never:   []string{module + "/pkg"},
			reason:  "the pipeline keeps the order of keys and versions and knows nothing of events",
		},
		{
			dir:     "pkg/hostevents/internal/retry",
			outside: slices.Concat([]string{"k8s.io/apimachinery/pkg/util/wait"}, basics),
			never:   []string{module + "/pkg"},
			reason:  "when to try again is decided from the outcome of requests, whatever they are",
		},
		{
			dir:     "pkg/hostevents/kubehost",
			own:     []string{"pkg/apis", "pkg/hostevents"},
			outside: slices.Concat([]string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}, basics),
			never:   []string{module + "/pkg/storage", module + "/pkg/engine", module + "/pkg/registry", module + "/pkg/apiserver"},
			reason:  "all that speaks client-go for the bridge is here, and leaves the decisions to the bridge",
		},
		{
			dir:     "pkg/hostevents/local",
			own:     []string{"pkg/apis", "pkg/hostevents"},
			outside: slices.Concat([]string{"k8s.io/apimachinery", "k8s.io/apiserver/pkg/storage"}, basics),
			never:   []string{module + "/pkg/storage", module + "/pkg/engine", module + "/pkg/registry", module + "/pkg/apiserver"},
			reason:  "the bridge's events and outbox are kept in any storage.Interface",
		},
		{
			dir:     "pkg/hostevents/mirror",
			own:     []string{"pkg/apis", "pkg/hostevents"},
			outside: slices.Concat([]string{"k8s.io/apimachinery", "k8s.io/apiserver/pkg/storage"}, basics),
			never:   []string{module + "/pkg/storage", module + "/pkg/engine", module + "/pkg/registry"},
			reason:  "the mirror stands in front of any storage.Interface and leaves the host to the bridge",
		},
		{
			dir:    "pkg/transfer",
			reason: "an export is a file of records; what is in a record and in which store is behind the interfaces that it declares",
		},
		{
			dir:     "pkg/storeadmin",
			own:     []string{"pkg/transfer"},
			outside: basics,
			reason:  "a running server's socket for commands speaks HTTP; what a store does for it is behind the interface that it declares",
		},
		{
			dir: "pkg/preflight",
			outside: slices.Concat([]string{
				"github.com/google/cel-go",
				"k8s.io/api",
				"k8s.io/apimachinery",
				// How rules are matched and match conditions are evaluated is
				// kube-apiserver's own.
				"k8s.io/apiserver/pkg/admission",
				"k8s.io/apiserver/pkg/authentication",
				"k8s.io/apiserver/pkg/cel",
				"k8s.io/client-go",
			}, basics),
			never:  []string{module + "/pkg"},
			reason: "preflight looks at a cluster through its API, and is run before there is a server",
		},
		{
			dir:    "pkg/pki",
			reason: "certificates need the standard library alone",
		},
		{
			dir:    "pkg/version",
			reason: "every package may ask for the version, so it may need none",
		},
		{
			dir: "pkg/apiserver",
			own: []string{
				"pkg/apis", "pkg/engine", "pkg/generated", "pkg/hostevents", "pkg/metrics",
				"pkg/pki", "pkg/registry", "pkg/storage", "pkg/storeadmin", "pkg/transfer",
				"pkg/version",
			},
			outside: []string{anything},
			never:   []string{module + "/pkg/cmd", "github.com/spf13/cobra"},
			reason:  "the assembly is built from a Config; commands and flags are above it",
		},
		{
			dir: "pkg/cmd/server",
			own: []string{"pkg/apiserver", "pkg/cmd/offline", "pkg/metrics", "pkg/pki", "pkg/version"},
			outside: slices.Concat([]string{
				// The memory limit of the container is a setting of the process.
				"github.com/KimMachineGun/automemlimit",
				"github.com/spf13/cobra",
				"github.com/spf13/pflag",
				"k8s.io/apimachinery",
				"k8s.io/apiserver",
				"k8s.io/client-go",
				"k8s.io/component-base",
			}, basics),
			never:  []string{module + "/pkg/engine", module + "/pkg/storage"},
			reason: "the command turns options into the Config of pkg/apiserver and leaves the rest to it",
		},
		{
			dir: "pkg/cmd/server/options",
			own: []string{
				"pkg/apiserver", "pkg/hostevents", "pkg/metrics",
				// Their configs; which objects they keep is the assembly's.
				"pkg/storage/embedded", "pkg/storage/encryption", "pkg/storage/maintenance",
			},
			outside: slices.Concat([]string{
				"github.com/spf13/pflag",
				"k8s.io/api",
				"k8s.io/apimachinery",
				"k8s.io/apiserver",
				"k8s.io/client-go",
				"k8s.io/component-base",
			}, basics),
			never:  []string{module + "/pkg/engine", "github.com/spf13/cobra"},
			reason: "options are filled by flags and applied to configs; commands are above them",
		},
		{
			dir: "pkg/cmd/offline",
			own: []string{"pkg/apiserver", "pkg/cmd/server/options", "pkg/pki", "pkg/preflight", "pkg/storage/maintenance"},
			outside: slices.Concat([]string{
				"github.com/spf13/cobra",
				"k8s.io/client-go",
			}, basics),
			never:  []string{module + "/pkg/engine"},
			reason: "commands print what storage/maintenance, pki and preflight do",
		},
		{
			dir:    "test/freeport",
			never:  []string{module + "/cmd", module + "/pkg"},
			reason: "a free port is free for any server",
		},
		{
			dir:     "test/crash",
			own:     []string{"test/freeport"}, // which knows no server
			outside: slices.Concat([]string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}, basics),
			never:   []string{module + "/cmd", module + "/pkg"},
			reason:  "the crash test knows the server as a program and by its API; code that both use would be wrong in both",
		},
	}
}
