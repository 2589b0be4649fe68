// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStartTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	me, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		process identity
		refused bool
	}{
		"it runs":                     {me, true},
		"its number is another's now": {identity{PID: me.PID, Started: "an earlier boot/1"}, false},
	} {
		saved := state{Processes: map[string]identity{KubeAPIServer: test.process}}
		if err := saved.save(dir); err != nil {
			t.Fatal(err)
		}
		c, err := New(Config{Dir: dir, ToolsDir: "/tools"})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Start(t.Context())
		running := (*AlreadyRunningError)(nil)
		if got := errors.As(err, &running); got != test.refused {
			t.Errorf("%s: got error %v, want it refused: %v", name, err, test.refused)
		}
		if test.refused && (!strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "make down")) {
			t.Errorf("%s: %q does not say where and what to do", name, err)
		}
	}
}

func TestStartNamesEveryMissingProgram(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Dir: t.TempDir(), ToolsDir: "/nonexistent", RepoDir: "/nonexistent", EventsAPIServer: "/nonexistent/events-apiserver"})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Start(t.Context())
	for _, want := range []string{"/nonexistent/etcd", "/nonexistent/kube-apiserver", "/nonexistent/kube-scheduler", "/nonexistent/events-apiserver", "/nonexistent/artifacts"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
	if c.Running() {
		t.Error("something was started")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	none := (*NotRunningError)(nil)
	if _, err := Open(dir, io.Discard); !errors.As(err, &none) {
		t.Errorf("got %v where no cluster was, want a *NotRunningError", err)
	}

	made, err := New(Config{Dir: dir, ToolsDir: "/tools", Detached: true, ExtraArgs: map[string][]string{KubeAPIServer: {"--v=4"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.releaseAll)
	me, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := made.record(KubeAPIServer, &me); err != nil {
		t.Fatal(err)
	}
	if err := made.record(Etcd, &identity{PID: me.PID, Started: "an earlier boot/1"}); err != nil {
		t.Fatal(err)
	}

	opened, err := Open(dir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Config().Ports != made.Config().Ports || !opened.Config().Detached {
		t.Errorf("got config %+v, want %+v", opened.Config(), made.Config())
	}
	for name, want := range map[string]bool{KubeAPIServer: true, Etcd: false, KubeScheduler: false} {
		if got := opened.components[name].Running(); got != want {
			t.Errorf("%s: got running %v, want %v", name, got, want)
		}
	}
	if got := opened.components[KubeAPIServer].args; !slices.Contains(got, "--v=4") {
		t.Errorf("the extra argument is lost: %v", got)
	}
}

func TestComponentsFollowTheStore(t *testing.T) {
	t.Parallel()
	host := []string{Etcd, KubeAPIServer, KubeControllerManager, KubeScheduler}
	for name, test := range map[string]struct {
		server, store string
		want          []string
		flags         []string
	}{
		"a plain control plane": {"", "", host, nil},
		"by default":            {"/server", "", append(slices.Clone(host), EventsAPIServer), []string{"--data-dir"}},
		"embedded":              {"/server", StoreEmbedded, append(slices.Clone(host), EventsAPIServer), []string{"--data-dir"}},
		"etcd": {
			"/server", StoreEtcd, append(slices.Insert(slices.Clone(host), 1, EventsEtcd), EventsAPIServer),
			[]string{"--storage", "--etcd-servers"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := New(Config{Dir: t.TempDir(), ToolsDir: "/tools", RepoDir: "/checkout", EventsAPIServer: test.server, Store: test.store})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.releaseAll)
			var got []string
			for _, component := range c.Components() {
				got = append(got, component.Name())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			var flags []string
			for _, flag := range c.store() {
				name, _, _ := strings.Cut(flag, "=")
				flags = append(flags, name)
			}
			if test.flags != nil && !slices.Equal(flags, test.flags) {
				t.Errorf("got flags %v, want %v", flags, test.flags)
			}
		})
	}
	_, err := New(Config{Dir: t.TempDir(), ToolsDir: "/tools", Store: "memory"})
	if err == nil || !strings.Contains(err.Error(), "memory") || !strings.Contains(err.Error(), StoreEmbedded) {
		t.Errorf("got %v, want an error that names the store and those there are", err)
	}
}

func TestExtraArgsOfNoComponent(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Dir: t.TempDir(), ToolsDir: "/tools", ExtraArgs: map[string][]string{"kubelet": nil}})
	if err == nil || !strings.Contains(err.Error(), "kubelet") || !strings.Contains(err.Error(), KubeScheduler) {
		t.Errorf("got %v, want an error that names the component and those there are", err)
	}
}

func TestCleanKeepsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	c := prepared(t)
	if err := c.record(Etcd, nil); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(c.layout.dir, "notes.txt")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Clean(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(c.layout.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "notes.txt" {
		t.Errorf("left are %v, want notes.txt alone", entries)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Clean(); err != nil {
			t.Errorf("cleaning again: %v", err)
		}
	}
	if _, err := os.Stat(c.layout.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty directory is left: %v", err)
	}
}

func TestLockIsForOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v for a second lock, want an error that names the directory", err)
	}
	unlock()
	again, err := lock(dir)
	if err != nil {
		t.Fatalf("after the first was given back: %v", err)
	}
	again()
}
