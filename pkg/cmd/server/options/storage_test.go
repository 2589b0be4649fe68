// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
)

const someEtcd = "--etcd-servers=http://127.0.0.1:2379"

// storageOptions returns what the flags make of the defaults.
func storageOptions(t *testing.T, args ...string) *StorageOptions {
	t.Helper()
	api, err := apiserver.NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	options, err := NewStorageOptions(api)
	if err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("storage", pflag.ContinueOnError)
	// Nobody needs to read that a flag is deprecated.
	flags.SetOutput(io.Discard)
	options.addFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return options
}

// Who starts the server as it was started before, or without a thought about the
// store, must learn from one line what to do.
func TestStorage_TellsHowToChooseAStore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"a directory is enough":    {[]string{"--data-dir=/data"}, nil},
		"nothing is said":          {nil, []string{"--data-dir is missing", "--storage=etcd and --etcd-servers"}},
		"embedded without a place": {[]string{"--storage=embedded"}, []string{"--data-dir is missing"}},
		"an etcd alone":            {[]string{someEtcd}, []string{"--etcd-servers is for --storage=etcd", "give --storage=etcd too"}},
		"an etcd and a directory":  {[]string{"--data-dir=/data", someEtcd}, []string{"--etcd-servers is for --storage=etcd", "leave --etcd-servers out"}},
		"an etcd chosen":           {[]string{"--storage=etcd", someEtcd}, nil},
		"etcd without servers":     {[]string{"--storage=etcd"}, []string{"--etcd-servers must be specified"}},
		"etcd with a directory":    {[]string{"--storage=etcd", someEtcd, "--data-dir=/data"}, []string{"--data-dir is for --storage=embedded"}},
		"a store that is none":     {[]string{"--storage=memory"}, []string{"--storage", "embedded, etcd"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			errs := storageOptions(t, test.args...).Validate()
			if (len(test.want) == 0) != (len(errs) == 0) || len(errs) > 1 {
				t.Fatalf("want one problem at most, got %d: %v", len(errs), errs)
			}
			for _, want := range test.want {
				if !strings.Contains(errs[0].Error(), want) {
					t.Errorf("no %q in: %v", want, errs[0])
				}
			}
		})
	}
}

// Ignored, a flag about etcd would look as if it worked.
func TestEmbeddedStore_RefusesFlagsWithoutEffect(t *testing.T) {
	t.Parallel()
	shared := sharedFlags()
	storageOptions(t).etcdFlags.VisitAll(func(flag *pflag.Flag) {
		// The default, as good a value as any.
		value := strings.Trim(flag.DefValue, "[]")
		errs := storageOptions(t, "--data-dir=/data", "--"+flag.Name+"="+value).Validate()
		if shared.Has(flag.Name) {
			shared.Delete(flag.Name)
			if len(errs) > 0 {
				t.Errorf("--%s has an effect, but is refused: %v", flag.Name, errs)
			}
			return
		}
		if len(errs) != 1 || !namesFlag(errs[0], flag.Name) || !strings.Contains(errs[0].Error(), "--storage=etcd") {
			t.Errorf("--%s has no effect, want one error that says so, got %v", flag.Name, errs)
		}
	})
	if len(shared) > 0 {
		t.Errorf("there are no such flags: %v", shared.UnsortedList())
	}
}

func namesFlag(err error, flag string) bool {
	words := strings.FieldsFunc(err.Error(), func(r rune) bool { return strings.ContainsRune(" :,\"'=\n", r) })
	return slices.Contains(words, "--"+flag) || slices.Contains(words, flag)
}
