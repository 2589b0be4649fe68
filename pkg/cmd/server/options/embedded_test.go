// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
)

func TestEmbeddedOptions_Bounds(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                                    "",
		"--compaction-interval=1s":                            "",
		"--compaction-interval=24h":                           "",
		"--compaction-interval=999ms":                         "--compaction-interval: 999ms is not from 1s to 24h0m0s",
		"--compaction-interval=25h":                           "--compaction-interval: 25h0m0s is not from 1s to 24h0m0s",
		"--compaction-interval=0":                             "--compaction-interval: 0s is not from",
		"--clock-jump-hold=0":                                 "",
		"--clock-jump-hold=1m":                                "",
		"--clock-jump-hold=59s":                               "--clock-jump-hold: 59s is not from 1m0s to 168h0m0s, or 0",
		"--clock-jump-hold=169h":                              "--clock-jump-hold: 169h0m0s is not from",
		"--clock-jump-hold=-1s":                               "--clock-jump-hold: -1s is not from",
		"--block-cache-size=8Mi":                              "",
		"--block-cache-size=64Gi":                             "",
		"--block-cache-size=0":                                "--block-cache-size: 0 is not from 8Mi to 64Gi",
		"--block-cache-size=65Gi":                             "--block-cache-size: 65Gi is not from 8Mi to 64Gi",
		"--write-buffer-size=4Mi":                             "",
		"--write-buffer-size=4M":                              "--write-buffer-size: 4M is not from 4Mi to 1Gi",
		"--write-buffer-size=1Gi --min-free-disk=8Gi":         "",
		"--write-buffer-size=1025Mi --min-free-disk=9Gi":      "--write-buffer-size: 1025Mi is not from 4Mi to 1Gi",
		"--watch-buffer-size=1Mi":                             "",
		"--watch-buffer-size=-1Mi":                            "--watch-buffer-size: -1Mi is not from 1Mi to 8Gi",
		"--watch-buffer-size=1Ti":                             "--watch-buffer-size: 1Ti is not from 1Mi to 8Gi",
		"--min-free-disk=0":                                   "",
		"--min-free-disk=512Mi":                               "",
		"--min-free-disk=511Mi":                               "--min-free-disk: 511Mi is too little for --write-buffer-size=64Mi: want at least 512Mi, or 0",
		"--min-free-disk=-1":                                  "--min-free-disk: -1 is too little",
		"--min-free-disk=32Mi --write-buffer-size=4Mi":        "",
		"--write-buffer-size=128Mi":                           "--min-free-disk: 512Mi is too little for --write-buffer-size=128Mi: want at least 1Gi",
		"--min-free-disk=0 --write-buffer-size=128Mi":         "",
		"--block-cache-size=128Mi --compaction-interval=300s": "",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			errs := storageOptions(t, append(strings.Fields(args), "--data-dir=/data")...).Validate()
			if want == "" && len(errs) > 0 {
				t.Fatalf("refused: %v", errs)
			}
			if want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), want)) {
				t.Errorf("got %v, want %q", errs, want)
			}
		})
	}
}

func TestEmbeddedOptions_AreWhatTheStoreGets(t *testing.T) {
	t.Parallel()
	got := embedded.Config{}
	newEmbeddedOptions().applyTo(&got)
	compare := cmp.Options{cmpopts.IgnoreUnexported(embedded.Config{})}
	if diff := cmp.Diff(embedded.DefaultConfig(), got, compare); diff != "" {
		t.Errorf("the defaults of the flags are not the store's (-want +got):\n%s", diff)
	}
	storageOptions(t, "--compaction-interval=1m", "--block-cache-size=1Gi", "--write-buffer-size=8Mi", "--watch-buffer-size=2Mi", "--min-free-disk=0", "--clock-jump-hold=2m").
		Embedded.applyTo(&got)
	want := embedded.Config{HistoryRetention: 60e9, BlockCacheBytes: 1 << 30, WriteBufferBytes: 8 << 20, WatchBufferBytes: 2 << 20, MinFreeDiskBytes: -1, ClockJumpHold: 120e9}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("the flags (-want +got):\n%s", diff)
	}
}

// Ignored, a flag about the embedded store would look as if it worked.
func TestEtcdStore_RefusesFlagsWithoutEffect(t *testing.T) {
	t.Parallel()
	flags := 0
	storageOptions(t).Embedded.flags.VisitAll(func(flag *pflag.Flag) {
		flags++
		errs := storageOptions(t, "--storage=etcd", someEtcd, "--"+flag.Name+"="+flag.DefValue).Validate()
		if len(errs) != 1 || !namesFlag(errs[0], flag.Name) || !strings.Contains(errs[0].Error(), "--storage=embedded") {
			t.Errorf("--%s has no effect, want one error that says so, got %v", flag.Name, errs)
		}
	})
	if flags != 6 {
		t.Errorf("there are %d flags about the embedded store alone, want 6", flags)
	}
}
