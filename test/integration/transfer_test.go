// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	recording "k8s.io/client-go/tools/events"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

// kubeletEvent is an event as a kubelet writes it through core/v1: with the
// deprecated fields, and without those that events.k8s.io/v1 requires.
func kubeletEvent(name string) *events.Event {
	at := metav1.NewTime(time.Now().Truncate(time.Second).Add(-time.Minute))
	return &events.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: at,
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &at}},
		},
		Regarding:                corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "pod-" + name, UID: types.UID("pod-" + name)},
		Reason:                   "BackOff",
		Note:                     "Back-off restarting failed container",
		Type:                     corev1.EventTypeWarning,
		DeprecatedSource:         corev1.EventSource{Component: "kubelet", Host: "node-1"},
		DeprecatedFirstTimestamp: at, DeprecatedLastTimestamp: at, DeprecatedCount: 7,
		Host: events.HostState{Version: 4711, WrittenAt: at.Unix()},
	}
}

// storeBelowTheAPI puts events into a data directory as the bridge to the host
// cluster does.
func storeBelowTheAPI(t *testing.T, config testserver.Config, all map[string]time.Duration) {
	t.Helper()
	api, err := apiserver.NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	settings := embedded.DefaultConfig()
	settings.Dir = config.DataDir
	store, err := api.OpenEmbeddedStore(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	options, err := store.GetRESTOptions(events.Resource("events"), nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, destroy, err := options.Decorator(options.StorageConfig, options.ResourcePrefix, nil,
		func() runtime.Object { return &events.Event{} }, func() runtime.Object { return &events.EventList{} }, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer destroy()
	for name, life := range all {
		key := options.ResourcePrefix + "/" + namespace + "/" + name
		if err := raw.Create(t.Context(), key, kubeletEvent(name), nil, uint64(life.Seconds())); err != nil {
			t.Fatal(err)
		}
	}
}

// report reports with client-go's recorder.
func report(t *testing.T, config *rest.Config, reports int) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	broadcaster := recording.NewBroadcaster(&recording.EventSinkImpl{Interface: client.EventsV1()})
	defer broadcaster.Shutdown()
	if err := broadcaster.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder := broadcaster.NewRecorder(scheme.Scheme, "example.com/recorder")
	for n := range reports {
		object := &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: fmt.Sprint("recorded-", n), UID: types.UID(fmt.Sprint("recorded-", n))}
		recorder.Eventf(object, nil, corev1.EventTypeNormal, "Recorded", "Record", "by client-go")
	}
	eventually(t, "the recorder's events", func() bool {
		list, err := client.EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Recorded"})
		return err == nil && len(list.Items) == reports
	})
}

// everything lists all events as they are but for their resourceVersions.
func everything(t *testing.T, client eventsclient.EventsV1Interface) map[string]eventsv1.Event {
	t.Helper()
	list, err := client.Events("").List(t.Context(), listEverything())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]eventsv1.Event{}
	for _, event := range list.Items {
		event.ResourceVersion = ""
		all[event.Name] = event
	}
	return all
}

// exportedRecord is a line of an export, as the documentation describes it.
type exportedRecord struct {
	Kind, Key string
	Expires   time.Time
	Value     []byte
}

// exportOf reads an export by kind and key, without its header and trailer.
func exportOf(t *testing.T, path string) map[string]exportedRecord {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]exportedRecord{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		var record exportedRecord
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		if record.Key != "" {
			records[record.Kind+" "+record.Key] = record
		}
	}
	return records
}

// expectSameRecords compares what is stored, and that deadlines are later by no more
// than slack, and earlier by no more than the second in which etcd counts.
func expectSameRecords(t *testing.T, what string, want, got map[string]exportedRecord, slack time.Duration) {
	t.Helper()
	for name, record := range want {
		other, ok := got[name]
		if !ok || !bytes.Equal(record.Value, other.Value) {
			t.Errorf("%s: %s is there: %v, with the same content: %v", what, name, ok, bytes.Equal(record.Value, other.Value))
			continue
		}
		if later := other.Expires.Sub(record.Expires); later < -2*time.Second || later > slack {
			t.Errorf("%s: %s expires %s later", what, name, later)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d records, want %d", what, len(got), len(want))
	}
}

// putInEtcd stores a value that lives for so many seconds, 0 being without end.
func putInEtcd(t *testing.T, url, key, value string, seconds int) {
	t.Helper()
	put := map[string]any{"key": base64.StdEncoding.EncodeToString([]byte(key)), "value": base64.StdEncoding.EncodeToString([]byte(value))}
	if seconds > 0 {
		var lease struct{ ID string }
		askEtcd(t, url+"/v3/lease/grant", map[string]any{"TTL": seconds}, &lease)
		put["lease"] = lease.ID
	}
	askEtcd(t, url+"/v3/kv/put", put, &struct{}{})
}

func askEtcd(t *testing.T, url string, request, answer any) {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("asking etcd: %s, %v", response.Status, err)
	}
}

// TestTransfer follows the documentation from the embedded store to etcd and back,
// with events that the API refuses.
func TestTransfer(t *testing.T) {
	t.Parallel()
	first := testserver.Config{DataDir: t.TempDir()}
	storeBelowTheAPI(t, first, map[string]time.Duration{"kubelet-week": 168 * time.Hour, "kubelet-hour": time.Hour, "kubelet-minutes": 10 * time.Minute})
	running := testserver.Start(t, first)
	client := jsonClient(t, running.Admin)
	createMany(t, client, "api", 30)
	report(t, running.Admin, 5)
	want := everything(t, client)
	expectAPIRefuses(t, client, want["kubelet-week"])

	steps := newManual(t)
	steps.dataDir = first.DataDir
	if out := steps.follow(t, "install.md", "snapshot export --data-dir"); !strings.Contains(out, "the export is whole: 38 events") {
		t.Errorf("the export prints %q", out)
	}
	file := steps.path("events.export")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v, want that its owner alone may read it", info.Mode(), err)
	}
	exported := exportOf(t, file)
	running.Stop()

	etcd := testserver.StartEtcd(t)
	second := testserver.Start(t, testserver.Config{EtcdURL: etcd})
	client = jsonClient(t, second.Admin)
	before := create(t, client, newEvent("there-before"))
	steps.etcd = etcd
	if out := steps.follow(t, "install.md", "snapshot import --storage=etcd"); !strings.Contains(out, "imported 38 events") {
		t.Errorf("the import prints %q", out)
	}
	expectLater(t, client, before)
	if err := client.Events(namespace).Delete(t.Context(), before.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the servers' caches to have all events", func() bool { return cmp.Equal(want, everything(t, client)) })

	putInEtcd(t, etcd, "/events-apiserver/host-events/state/position", `{"metadata":{"name":"position"},"position":4711}`, 0)
	putInEtcd(t, etcd, "/events-apiserver/host-events/queue/team/waits", `{"metadata":{"name":"waits","namespace":"team","generation":1},"queued":{"since":"2026-01-02T03:04:05Z"}}`, 3000)
	if out := steps.follow(t, "install.md", "snapshot export --storage=etcd"); !strings.Contains(out, "38 events, and 2 records about the host cluster") {
		t.Errorf("the export prints %q", out)
	}
	fromEtcd := exportOf(t, file)
	withBridge := exportOf(t, file)
	delete(withBridge, "hostRecord queue/team/waits")
	delete(withBridge, "hostPosition state/position")
	expectSameRecords(t, "in etcd", exported, withBridge, 61*time.Second)

	third := testserver.Config{DataDir: t.TempDir()}
	steps.dataDir = third.DataDir
	running = testserver.Start(t, third)
	if out := steps.follow(t, "install.md", "snapshot import --data-dir"); !strings.Contains(out, "imported 38 events") {
		t.Errorf("the import prints %q", out)
	}
	client = jsonClient(t, running.Admin)
	if diff := cmp.Diff(want, everything(t, client)); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
	list, err := client.Events("").List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.uid=pod-kubelet-week"})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d events by index, and %v, want one", len(list.Items), err)
	}
	steps.follow(t, "operations.md", "snapshot export --data-dir")
	expectSameRecords(t, "there and back", fromEtcd, exportOf(t, file), time.Second)
	expectRepeatable(t, client, third.DataDir, file)
	running.Stop()
	if out := succeeds(t, "check", "--data-dir", third.DataDir); !strings.Contains(out, "nothing is wrong") {
		t.Errorf("check prints:\n%s", out)
	}
	expectOffline(t, third.DataDir, file, want)
}

// expectAPIRefuses has the reason for all this: an event that a kubelet wrote cannot
// be created through events.k8s.io/v1.
func expectAPIRefuses(t *testing.T, client eventsclient.EventsV1Interface, event eventsv1.Event) {
	t.Helper()
	fresh := *event.DeepCopy()
	fresh.ObjectMeta = metav1.ObjectMeta{Namespace: event.Namespace, Name: "created-again"}
	if _, err := client.Events(namespace).Create(t.Context(), &fresh, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("creating what a kubelet wrote: %v", err)
	}
}

// expectLater has an imported event with a resourceVersion above one that was there.
func expectLater(t *testing.T, client eventsclient.EventsV1Interface, before *eventsv1.Event) {
	t.Helper()
	eventually(t, "an imported event", func() bool {
		event, err := client.Events(namespace).Get(t.Context(), "api-0", metav1.GetOptions{})
		if err != nil {
			return false
		}
		order, err := resourceversion.CompareResourceVersion(event.ResourceVersion, before.ResourceVersion)
		if err != nil || order <= 0 {
			t.Errorf("the imported event has version %s, and %s was there (%v)", event.ResourceVersion, before.ResourceVersion, err)
		}
		return true
	})
}

// expectRepeatable imports once more, after some events have changed.
func expectRepeatable(t *testing.T, client eventsclient.EventsV1Interface, dir, file string) {
	t.Helper()
	for _, name := range []string{"api-1", "api-2"} {
		if err := client.Events(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	newer := newEvent("api-1")
	newer.Note = "newer"
	create(t, client, newer)
	out := succeeds(t, "snapshot", "import", "--data-dir", dir, file)
	for _, want := range []string{"imported 1 events", "36 were there already", "1 have a name that another one has"} {
		if !strings.Contains(out, want) {
			t.Errorf("the second import does not print %q: %s", want, out)
		}
	}
	kept, err := client.Events(namespace).Get(t.Context(), "api-1", metav1.GetOptions{})
	if err != nil || kept.Note != "newer" {
		t.Errorf("the newer event is %v, %v", kept, err)
	}
}

// expectOffline has no server: it exports a directory without changing it, and makes
// an encrypted one.
func expectOffline(t *testing.T, dir, file string, want map[string]eventsv1.Event) {
	t.Helper()
	before := files(t, dir)
	offline := file + ".offline"
	succeeds(t, "snapshot", "export", "--data-dir", dir, offline)
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Errorf("an export changed the directory (-before +after):\n%s", diff)
	}
	if got := exportOf(t, offline); len(got) != len(want)+2 {
		t.Errorf("%d records, want %d", len(got), len(want)+2)
	}
	key := testserver.NewEncryptionFile(t, testserver.Key("aesgcm", "k", "1"))
	encrypted := testserver.Config{DataDir: t.TempDir() + "/absent", Encryption: key}
	out := succeeds(t, "snapshot", "import", "--data-dir", encrypted.DataDir, "--encryption-provider-config", key.Path(), file)
	if !strings.Contains(out, "imported 38 events") {
		t.Errorf("the import prints %q", out)
	}
	if holds(t, encrypted, "Back-off restarting") {
		t.Error("an imported event is stored as plaintext")
	}
	fails(t, "encrypted", "snapshot", "export", "--data-dir", encrypted.DataDir, offline)
	running := testserver.Start(t, encrypted)
	if diff := cmp.Diff(want, everything(t, jsonClient(t, running.Admin))); diff != "" {
		t.Errorf("imported without a server (-want +got):\n%s", diff)
	}
}

// TestTransfer_Refuses what is not whole, from a file before anything is stored and
// from standard input in the end.
func TestTransfer_Refuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := testserver.Start(t, testserver.Config{DataDir: dir})
	createMany(t, jsonClient(t, running.Admin), "event", 5)
	good := dir + ".export"
	t.Cleanup(func() { _ = os.Remove(good) })
	succeeds(t, "snapshot", "export", "--data-dir", dir, good)
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := dir + ".cut"
	t.Cleanup(func() { _ = os.Remove(cut) })
	if err := os.WriteFile(cut, content[:len(content)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	fails(t, "it is cut off", "snapshot", "import", "--dry-run", cut)
	fails(t, "it is cut off", "snapshot", "import", "--data-dir", target, cut)
	if left, err := os.ReadDir(target); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	other := testserver.Start(t, testserver.Config{DataDir: target})
	cmd := newCommand(t.Context(), t, "snapshot", "import", "--data-dir", target, "-")
	cmd.Stdin = bytes.NewReader(content[:len(content)-100])
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("it is cut off")) || !bytes.Contains(out, []byte("imported 5 events")) {
		t.Errorf("%v\n%s", err, out)
	}
	if got, _ := listed(t, jsonClient(t, other.Admin)); len(got) != 5 {
		t.Errorf("%d events, want those that had arrived", len(got))
	}
	fails(t, "connecting to etcd", "snapshot", "import", "--storage=etcd", "--etcd-servers=http://127.0.0.1:1", good)
}

// TestRewrite follows the documentation: encryption is turned on, and the key
// changed, and nothing needs what was used before.
func TestRewrite(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRewrite(t, store(t))
		})
	}
}

func testRewrite(t *testing.T, config testserver.Config) {
	t.Helper()
	old, current := testserver.Key("aesgcm", "old", "1"), testserver.Key("secretbox", "new", "2")
	steps := newManual(t)
	steps.dataDir, steps.etcd = config.DataDir, config.EtcdURL
	block := "compact --rewrite --data-dir"
	export := []string{"snapshot", "export", "--data-dir", config.DataDir}
	if config.EtcdURL != "" {
		block = "compact --rewrite --storage=etcd"
		export = []string{"snapshot", "export", "--storage=etcd", "--etcd-servers", config.EtcdURL}
	}
	exportAll := func(file *testserver.EncryptionFile) map[string]exportedRecord {
		args := export
		if file != nil {
			args = append(slices.Clip(args), "--encryption-provider-config", file.Path())
		}
		succeeds(t, append(slices.Clip(args), steps.path("events.export"))...)
		return exportOf(t, steps.path("events.export"))
	}
	running := with(t, config)
	for i := range 20 {
		create(t, jsonClient(t, running.Admin), secretEvent(fmt.Sprint("event-", i)))
	}
	if config.EtcdURL != "" {
		putInEtcd(t, config.EtcdURL, "/events-apiserver/host-events/state/position", `{"metadata":{"name":"position"},"position":4711}`, 0)
	}
	want, records := everything(t, jsonClient(t, running.Admin)), exportAll(nil)
	running.Stop()

	for _, step := range []struct{ during, after *testserver.EncryptionFile }{
		{testserver.NewEncryptionFile(t, old, testserver.Identity), testserver.NewEncryptionFile(t, old)},
		{testserver.NewEncryptionFile(t, current, old), testserver.NewEncryptionFile(t, current)},
	} {
		running = with(t, config, step.during.Use)
		steps.encryption = step.during.Path()
		out := steps.follow(t, "install.md", block)
		if want := fmt.Sprintf("wrote %d of %d entries again; 0 cannot", len(records), len(records)); !strings.Contains(out, want) {
			t.Errorf("the rewrite prints %q, want %q", out, want)
		}
		if out := steps.follow(t, "install.md", block); !strings.Contains(out, "wrote 0 of") {
			t.Errorf("the second rewrite prints %q", out)
		}
		expectSameRecords(t, "rewritten", records, exportAll(step.during), 2*time.Second)
		running.Stop()
		running = with(t, config, step.after.Use)
		if diff := cmp.Diff(want, everything(t, jsonClient(t, running.Admin))); diff != "" {
			t.Errorf("without the former key (-want +got):\n%s", diff)
		}
		expectSameRecords(t, "without the former key", records, exportAll(step.after), 2*time.Second)
		running.Stop()
	}
}

// TestRewrite_Unreadable keeps what it cannot decrypt, names it, and rewrites the
// rest; it needs no server.
func TestRewrite_Unreadable(t *testing.T) {
	t.Parallel()
	config := testserver.Config{Dir: t.TempDir(), DataDir: t.TempDir()}
	lost, kept := testserver.Key("aesgcm", "lost", "1"), testserver.Key("aesgcm", "kept", "2")
	running := with(t, config, testserver.NewEncryptionFile(t, lost).Use)
	create(t, jsonClient(t, running.Admin), newEvent("lost"))
	running.Stop()
	running = with(t, config, testserver.NewEncryptionFile(t, kept, lost).Use)
	create(t, jsonClient(t, running.Admin), newEvent("kept"))
	running.Stop()
	next := testserver.NewEncryptionFile(t, testserver.Key("secretbox", "next", "3"), kept)
	out, errOut, err := command(t, "compact", "--rewrite", "--data-dir", config.DataDir, "--encryption-provider-config", next.Path())
	if err == nil || !strings.Contains(out, "wrote 1 of 2 entries again; 1 cannot be decrypted") || !strings.Contains(out, "/team/lost") {
		t.Errorf("%v\n%s%s", err, out, errOut)
	}
}
