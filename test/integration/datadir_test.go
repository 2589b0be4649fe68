// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/registry/event"
	"github.com/events-apiserver/events-apiserver/pkg/storage"
	"github.com/events-apiserver/events-apiserver/test/freeport"
	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

// listed are the names of all events, with the version of the list.
func listed(t *testing.T, client eventsclient.EventsV1Interface) (names []string, version uint64) {
	t.Helper()
	list, err := client.Events("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	version, err = strconv.ParseUint(list.ResourceVersion, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return names, version
}

// restored starts a server on a snapshot.
func restored(t *testing.T, snapshot string) *testserver.Server {
	t.Helper()
	return testserver.Start(t, testserver.Config{DataDir: restore(t, snapshot)})
}

// restore makes a data directory, in which nothing is wrong.
func restore(t *testing.T, snapshot string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	succeeds(t, "snapshot", "restore", "--data-dir", dir, snapshot)
	if out := succeeds(t, "check", "--data-dir", dir); !strings.Contains(out, "nothing is wrong") {
		t.Errorf("check says:\n%s", out)
	}
	return dir
}

// TestDataDir_Commands does what an operator does, beside a server that runs in
// another process than the commands.
func TestDataDir_Commands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := testserver.Start(t, testserver.Config{DataDir: dir})
	client := jsonClient(t, running.Admin)
	createMany(t, client, "before", 20)
	_, first := listed(t, client)
	if err := client.Events(namespace).Delete(t.Context(), "before-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	want, saved := listed(t, client)

	fails(t, "in use by another process, and cannot be checked in place: save a snapshot", "check", "--data-dir", dir)
	file := filepath.Join(t.TempDir(), "events.snapshot")
	succeeds(t, "snapshot", "save", "--data-dir", dir, file)
	if out := succeeds(t, "snapshot", "verify", file); !strings.Contains(out, "a whole snapshot of ") || !strings.Contains(out, " with 19 events up to revision ") {
		t.Errorf("verify says %q", out)
	}
	stream, told, err := command(t, "snapshot", "save", "--data-dir", dir, "-")
	if err != nil || !strings.Contains(stream, "SHA256SUMS") {
		t.Errorf("standard output holds no snapshot: %v", err)
	}
	for _, want := range []string{"saved 19 events up to revision ", "events-apiserver snapshot verify FILE"} {
		if !strings.Contains(told, want) {
			t.Errorf("saving to standard output does not say %q:\n%s", want, told)
		}
	}
	createMany(t, client, "after", 5)
	_, seen := listed(t, client)

	fails(t, "revision 999999 is not there yet", "compact", "--data-dir", dir, "--revision", "999999")
	if out := succeeds(t, "compact", "--data-dir", dir); !strings.Contains(out, strconv.FormatUint(seen, 10)) {
		t.Errorf("compact says %q, the newest revision is %d", out, seen)
	}
	expired(t, client, first)
	fails(t, "is there; move it away", "snapshot", "restore", "--data-dir", dir, file)

	running.Stop()
	if out := succeeds(t, "check", "--data-dir", dir); !strings.Contains(out, "events     24,") || !strings.Contains(out, "nothing is wrong") {
		t.Errorf("check says:\n%s", out)
	}
	offline := filepath.Join(t.TempDir(), "offline.snapshot")
	succeeds(t, "snapshot", "save", "--data-dir", dir, offline)
	succeeds(t, "compact", "--data-dir", dir)

	again := restored(t, file)
	client = jsonClient(t, again.Admin)
	got, version := listed(t, client)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("restored events (-want +got):\n%s", diff)
	}
	if version <= seen {
		t.Errorf("the restored server is at %d, clients have seen %d", version, seen)
	}
	for _, old := range []uint64{first, saved, seen, version - 1} {
		expired(t, client, old)
	}
	if made := create(t, client, newEvent("new")); made.ResourceVersion != strconv.FormatUint(version+1, 10) {
		t.Errorf("the next version is %s, want %d", made.ResourceVersion, version+1)
	}
	other := restored(t, offline)
	if got, _ := listed(t, jsonClient(t, other.Admin)); len(got) != 24 {
		t.Errorf("the snapshot made offline has %d events, want 24", len(got))
	}
}

// expired asks for what was at an old version and to watch from there.
func expired(t *testing.T, client eventsclient.EventsV1Interface, version uint64) {
	t.Helper()
	options := metav1.ListOptions{ResourceVersion: strconv.FormatUint(version, 10), ResourceVersionMatch: metav1.ResourceVersionMatchExact}
	if _, err := client.Events("").List(t.Context(), options); !apierrors.IsResourceExpired(err) {
		t.Errorf("a list at %d: %v, want 410", version, err)
	}
	options.ResourceVersionMatch = ""
	watch, err := client.Events("").Watch(t.Context(), options)
	if err != nil {
		t.Errorf("a watch from %d: %v", version, err)
		return
	}
	defer watch.Stop()
	answer := <-watch.ResultChan()
	if err := apierrors.FromObject(answer.Object); !apierrors.IsResourceExpired(err) {
		t.Errorf("a watch from %d begins with %s %v, want 410", version, answer.Type, err)
	}
}

// TestDataDir_SnapshotsUnderLoad makes two at once, again and again, while events
// are created. Each has all that was there before it began.
func TestDataDir_SnapshotsUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := testserver.Start(t, testserver.Config{DataDir: dir})
	client := jsonClient(t, running.Admin)
	ctx, cancel := context.WithCancel(t.Context())
	var writers, savers sync.WaitGroup
	defer writers.Wait()
	defer cancel()
	for writer := range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, err := client.Events(namespace).Create(ctx, newEvent(fmt.Sprintf("w%d-%d", writer, n)), metav1.CreateOptions{})
				if err != nil && ctx.Err() == nil {
					t.Errorf("creating under load: %v", err)
					return
				}
			}
		})
	}
	files := t.TempDir()
	before := make([][]string, 2)
	for saver := range before {
		savers.Go(func() {
			for range 3 {
				before[saver], _ = listed(t, client)
				succeeds(t, "snapshot", "save", "--data-dir", dir, filepath.Join(files, strconv.Itoa(saver)))
			}
		})
	}
	savers.Wait()
	cancel()
	writers.Wait()
	for saver, want := range before {
		again := restored(t, filepath.Join(files, strconv.Itoa(saver)))
		got, _ := listed(t, jsonClient(t, again.Admin))
		for _, name := range want {
			if _, found := slices.BinarySearch(got, name); !found {
				t.Errorf("snapshot %d lacks %s", saver, name)
			}
		}
	}
	if left, err := os.ReadDir(files); err != nil || len(left) != 2 {
		t.Errorf("files %v and %v, want the two snapshots alone", left, err)
	}
}

// TestDataDir_Encrypted has some events from before encryption. Without the key the
// commands do all but decode the others.
func TestDataDir_Encrypted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := testserver.Start(t, testserver.Config{DataDir: dir})
	createMany(t, jsonClient(t, plain.Admin), "plain", 4)
	plain.Stop()
	key := testserver.NewEncryptionFile(t, testserver.Key("secretbox", "k", "1"), testserver.Identity)
	running := testserver.Start(t, testserver.Config{DataDir: dir, Encryption: key})
	client := jsonClient(t, running.Admin)
	createMany(t, client, "sealed", 3)
	file := filepath.Join(t.TempDir(), "events.snapshot")
	succeeds(t, "snapshot", "save", "--data-dir", dir, file)
	succeeds(t, "compact", "--data-dir", dir)
	running.Stop()

	for _, data := range []string{dir, restore(t, file)} {
		out := succeeds(t, "check", "--data-dir", data)
		for _, want := range []string{"events     7,", "3 versions of events are encrypted", "nothing is wrong"} {
			if !strings.Contains(out, want) {
				t.Errorf("check does not say %q:\n%s", want, out)
			}
		}
		succeeds(t, "compact", "--data-dir", data)
		if err := testserver.Refused(t, testserver.Config{DataDir: data}); err == nil {
			t.Error("a server starts without the key")
		}
		again := testserver.Start(t, testserver.Config{DataDir: data, Encryption: key})
		list, err := jsonClient(t, again.Admin).Events("").List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.uid=uid-sealed-1"})
		if err != nil || len(list.Items) != 1 {
			t.Errorf("found %d events by index and %v, want one", len(list.Items), err)
		}
		if got, _ := listed(t, jsonClient(t, again.Admin)); len(got) != 7 {
			t.Errorf("%d events, want 7", len(got))
		}
	}
}

// TestDataDir_AfterAKill looks at what a killed server leaves: its log, and the
// socket on which no server listens.
func TestDataDir_AfterAKill(t *testing.T) {
	t.Parallel()
	dir, certs := t.TempDir(), t.TempDir()
	port, err := freeport.ChooseOne()
	if err != nil {
		t.Fatal(err)
	}
	killed := newCommand(t.Context(), t, "serve", "--standalone", "--storage=embedded", "--data-dir", dir,
		"--cert-dir", certs, "--bind-address=127.0.0.1", "--secure-port="+strconv.Itoa(port))
	var log bytes.Buffer
	killed.Stdout, killed.Stderr = &log, &log
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	client := readyClient(t, filepath.Join(certs, "kubeconfig"))
	createMany(t, client, "event", 30)
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // that it was killed is no news
	if _, err := os.Stat(filepath.Join(dir, "admin.sock")); err != nil {
		t.Fatalf("no socket is left to be in the way: %v\n%s", err, log.String())
	}

	before := files(t, dir)
	out := succeeds(t, "check", "--data-dir", dir)
	if !strings.Contains(out, "events     30,") {
		t.Errorf("check says:\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "events.snapshot")
	succeeds(t, "snapshot", "save", "--data-dir", dir, file)
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Errorf("the directory was changed (-before +after):\n%s", diff)
	}
	again := restored(t, file)
	if got, _ := listed(t, jsonClient(t, again.Admin)); len(got) != 30 {
		t.Errorf("%d events restored, want 30", len(got))
	}
	next := testserver.Start(t, testserver.Config{DataDir: dir})
	if got, _ := listed(t, jsonClient(t, next.Admin)); len(got) != 30 {
		t.Errorf("%d events after the kill, want 30", len(got))
	}
	succeeds(t, "compact", "--data-dir", dir)
}

// readyClient waits for a server that writes its kubeconfig and gets ready.
func readyClient(t *testing.T, kubeconfig string) eventsclient.EventsV1Interface {
	t.Helper()
	var client eventsclient.EventsV1Interface
	err := wait.PollUntilContextTimeout(t.Context(), pollStep, waitTimeout, true, func(ctx context.Context) (bool, error) {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return false, nil //nolint:nilerr // not written yet
		}
		client = jsonClient(t, config)
		_, err = client.Events("").List(ctx, metav1.ListOptions{})
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// files returns the content of all files below a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		all[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDataDir_CheckFinds puts things into a data directory that are not right.
func TestDataDir_CheckFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := testserver.Start(t, testserver.Config{DataDir: dir})
	createMany(t, jsonClient(t, running.Admin), "event", 5)
	running.Stop()

	const prefix = "/events-apiserver/events/team/"
	key := prefix + "event-1"
	commit(t, dir, func(e *engine.Engine) error {
		good, _, err := e.Get(t.Context(), []byte(key), 0)
		if err != nil {
			return err
		}
		for name, value := range map[string][]byte{
			"sealed": []byte("k8s:enc:aesgcm:v1:key1:secret"), "nonsense": []byte("nonsense"), "other": good.Value,
		} {
			if _, err := e.Commit(t.Context(), engine.Op{Key: []byte(prefix + name), Value: value}); err != nil {
				return err
			}
		}
		return nil
	})
	out, errOut, err := command(t, "check", "--data-dir", dir)
	if exit := new(exec.ExitError); err == nil || !isExit(err, exit) || exit.ExitCode() != 1 {
		t.Errorf("check ended with %v, want status 1", err)
	}
	for _, want := range []string{
		`key "` + prefix + `nonsense": the event cannot be decoded`,
		`key "` + prefix + `other": the event is named team/event-1`,
		"1 versions of events are encrypted",
		"events     8,",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
	if strings.Count(out, "wrong:") != 2 || !strings.Contains(errOut, "error: --data-dir="+dir) {
		t.Errorf("check says:\n%s%s", out, errOut)
	}

	sorted, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if err != nil || len(sorted) == 0 {
		t.Fatalf("files %v and %v", sorted, err)
	}
	flip(t, sorted[0])
	fails(t, "file "+sorted[0], "check", "--data-dir", dir)
	if err := os.Remove(sorted[0]); err != nil {
		t.Fatal(err)
	}
	fails(t, strings.TrimSuffix(filepath.Base(sorted[0]), ".sst"), "check", "--data-dir", dir)
	fails(t, "not a data directory", "check", "--data-dir", t.TempDir())
}

func isExit(err error, exit *exec.ExitError) bool {
	found, ok := err.(*exec.ExitError) //nolint:errorlint // Run returns it as it is
	if ok {
		*exit = *found
	}
	return ok
}

// commit changes a data directory below the server, with its indexes declared but
// empty.
func commit(t *testing.T, dir string, change func(*engine.Engine) error) {
	t.Helper()
	config := storage.Config{ResourcePrefix: "/events"}
	for _, field := range event.IndexedFields() {
		config.Indexes = append(config.Indexes, storage.Index{Field: field.Label, LowCardinality: field.LowCardinality})
	}
	indexes := config.EngineIndexes()
	for i := range indexes {
		indexes[i].Values = func(_, _ []byte) ([][]byte, error) { return nil, nil }
	}
	e, err := engine.Open(engine.Config{Dir: dir, Indexes: indexes})
	if err != nil {
		t.Fatal(err)
	}
	if err := change(e); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// flip changes a bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/4] ^= 4
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDataDir_RestoreRefuses a file that is not right, and keeps the directory as
// it was.
func TestDataDir_RestoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := testserver.Start(t, testserver.Config{DataDir: dir})
	createMany(t, jsonClient(t, running.Admin), "event", 5)
	good := filepath.Join(t.TempDir(), "events.snapshot")
	succeeds(t, "snapshot", "save", "--data-dir", dir, good)
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "bad.snapshot")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target := t.TempDir()
	for says, content := range map[string][]byte{
		"it is cut off":                        content[:len(content)-100],
		"is another one":                       bytes.Replace(content, []byte("event-3"), []byte("event-9"), 1),
		"does not begin as a snapshot":         []byte("nonsense"),
		"the snapshot has format 2":            bytes.Replace(content, []byte(`"snapshotFormat": 1`), []byte(`"snapshotFormat": 2`), 1),
		"has format 7, this build knows up to": bytes.Replace(content, []byte(`"dataFormat": 1`), []byte(`"dataFormat": 7`), 1),
	} {
		fails(t, says, "snapshot", "restore", "--data-dir", target, bad(content))
		fails(t, says, "snapshot", "verify", bad(content))
		if left, err := os.ReadDir(target); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", says, left, err)
		}
	}
	fails(t, "no such file", "snapshot", "restore", "--data-dir", target, filepath.Join(target, "absent"))
	fails(t, "making the file", "snapshot", "save", "--data-dir", dir, filepath.Join(target, "absent", "file"))

	// From standard input, and into the directory that is there.
	for _, args := range [][]string{{"snapshot", "verify", "-"}, {"snapshot", "restore", "--data-dir", target, "-"}} {
		cmd := newCommand(t.Context(), t, args...)
		cmd.Stdin = bytes.NewReader(content)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if out := succeeds(t, "check", "--data-dir", target); !strings.Contains(out, "events     5,") {
		t.Errorf("check says:\n%s", out)
	}
}
