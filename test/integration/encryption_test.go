// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kmsplugin "k8s.io/apiserver/pkg/storage/value/encrypt/envelope/testing/v2"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

// compactAtOnce makes the embedded store forget old versions, and follow changes of the
// encryption configuration, at once.
func compactAtOnce(options *options.Options) {
	options.Storage.Embedded.CompactionInterval = time.Second
	options.Storage.EncryptionCheckInterval = 50 * time.Millisecond
}

// with starts a server on the store with these changes of its options.
func with(t *testing.T, config testserver.Config, changes ...func(*options.Options)) *testserver.Server {
	t.Helper()
	config.Change = func(options *options.Options) {
		compactAtOnce(options)
		for _, change := range changes {
			change(options)
		}
	}
	return testserver.Start(t, config)
}

// marker is the text that must not be found in storage.
const marker = "that-nobody-may-know"

// secretEvent returns an event with the marker in every field except its name.
func secretEvent(name string) *eventsv1.Event {
	event := newEvent(name)
	event.Note, event.Reason = marker, marker
	event.Regarding.Name, event.Regarding.UID = marker, types.UID(marker)
	return event
}

// stored returns all data of the store on disk, or all values of an etcd.
func stored(t *testing.T, config testserver.Config) []byte {
	t.Helper()
	if config.EtcdURL != "" {
		return bytes.Join(storedInEtcd(t, config.EtcdURL), nil)
	}
	return storedInFiles(t, config.DataDir)
}

// storedInEtcd returns the values of all keys.
func storedInEtcd(t *testing.T, url string) [][]byte {
	t.Helper()
	encode := base64.StdEncoding.EncodeToString
	request := fmt.Sprintf(`{"key":%q,"range_end":%q}`, encode([]byte("/events-apiserver/")), encode([]byte("/events-apiserver0")))
	response, err := http.Post(url+"/v3/kv/range", "application/json", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Kvs []struct {
			Value []byte `json:"value"`
		} `json:"kvs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("reading etcd: %s, %v", response.Status, err)
	}
	var values [][]byte
	for _, kv := range answer.Kvs {
		values = append(values, kv.Value)
	}
	return values
}

// storedInFiles returns the files of a directory.
func storedInFiles(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	files := os.DirFS(dir)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		// Files go while they are listed.
		if content, err := fs.ReadFile(files, path); err == nil {
			all = append(all, content...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func holds(t *testing.T, config testserver.Config, text string) bool {
	t.Helper()
	return bytes.Contains(stored(t, config), []byte(text))
}

// replaceAll rewrites all events, like kubectl get and kubectl replace.
func replaceAll(t *testing.T, client eventsclient.EventsV1Interface) {
	t.Helper()
	list, err := client.Events(namespace).List(t.Context(), listEverything())
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		replace(t, client, &list.Items[i])
	}
}

func replace(t *testing.T, client eventsclient.EventsV1Interface, event *eventsv1.Event) {
	t.Helper()
	if _, err := client.Events(namespace).Update(t.Context(), event, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// expectList lists the events with the marker, by fields that have an index.
func expectList(t *testing.T, client eventsclient.EventsV1Interface, want ...string) {
	t.Helper()
	for _, field := range []string{"regarding.uid", "regarding.name", "reason"} {
		options := listEverything()
		options.FieldSelector = field + "=" + marker
		list, err := client.Events(namespace).List(t.Context(), options)
		if err != nil {
			t.Fatalf("by %s: %v", field, err)
		}
		if diff := cmp.Diff(want, names(list.Items)); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", field, diff)
		}
	}
}

// TestEncryption turns encryption on, changes the key and turns it off, with a restart for
// each step, with the same configuration for both stores.
func TestEncryption(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testEncryption(t, store(t))
		})
	}
}

func testEncryption(t *testing.T, config testserver.Config) {
	t.Helper()
	old, current := testserver.Key("aescbc", "old", "1"), testserver.Key("secretbox", "new", "2")
	const oldPrefix, currentPrefix = "k8s:enc:aescbc:v1:old:", "k8s:enc:secretbox:v1:new:"
	running := with(t, config)
	create(t, jsonClient(t, running.Admin), secretEvent("a"))
	b := create(t, jsonClient(t, running.Admin), secretEvent("b"))
	running.Stop()
	if !holds(t, config, marker) {
		t.Fatal("what is not encrypted is not found, so finding nothing proves nothing")
	}

	on := testserver.NewEncryptionFile(t, old, testserver.Identity)
	running = with(t, config, on.Use)
	client := jsonClient(t, running.Admin)
	create(t, client, secretEvent("c"))
	replace(t, client, b)
	expectList(t, client, "a", "b", "c")
	if !holds(t, config, oldPrefix) || !holds(t, config, marker) {
		t.Error("nothing is encrypted, or what was not written again is")
	}
	replaceAll(t, client)
	// The embedded store may have it in its files until Pebble rewrites them.
	if config.EtcdURL != "" && holds(t, config, marker) {
		t.Error("an event is plaintext after it was written again")
	}
	running.Stop()
	running = with(t, config, on.Use)
	expectList(t, jsonClient(t, running.Admin), "a", "b", "c")
	running.Stop()

	running = with(t, config, testserver.NewEncryptionFile(t, current, old).Use)
	client = jsonClient(t, running.Admin)
	expectList(t, client, "a", "b", "c")
	replaceAll(t, client)
	if !holds(t, config, currentPrefix) {
		t.Error("the new key is not in use")
	}
	running.Stop()

	running = with(t, config, testserver.NewEncryptionFile(t, current).Use)
	expectList(t, jsonClient(t, running.Admin), "a", "b", "c")
	running.Stop()

	running = with(t, config, testserver.NewEncryptionFile(t, testserver.Identity, current).Use)
	client = jsonClient(t, running.Admin)
	expectList(t, client, "a", "b", "c")
	replaceAll(t, client)
	running.Stop()

	running = with(t, config)
	expectList(t, jsonClient(t, running.Admin), "a", "b", "c")
}

// TestEncryptionFromTheBeginning looks for an event that was never plaintext.
func TestEncryptionFromTheBeginning(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		for _, kind := range []string{"aescbc", "aesgcm", "secretbox"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				config := store(t)
				running := with(t, config, testserver.NewEncryptionFile(t, testserver.Key(kind, "k", "1")).Use)
				client := jsonClient(t, running.Admin)
				created := create(t, client, secretEvent("a"))
				create(t, client, secretEvent("b"))
				replace(t, client, created)
				expectList(t, client, "a", "b")
				// A continue token has names and no other data.
				page, err := client.Events(namespace).List(t.Context(), metav1.ListOptions{Limit: 1, FieldSelector: "reason=" + marker})
				if err != nil || page.Continue == "" {
					t.Fatalf("a page: %v, %v", page, err)
				}
				token, err := base64.RawURLEncoding.DecodeString(page.Continue)
				if err != nil || bytes.Contains(token, []byte(marker)) {
					t.Errorf("the token is %q, %v", token, err)
				}
				running.Stop()
				if holds(t, config, marker) || !holds(t, config, "k8s:enc:"+kind+":v1:k:") {
					t.Error("something is not encrypted")
				}
			})
		}
	}
}

// TestEncryptionIsReloaded turns encryption on while the server runs.
func TestEncryptionIsReloaded(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := store(t)
			file := testserver.NewEncryptionFile(t, testserver.Identity)
			running := with(t, config, file.Follow)
			client := jsonClient(t, running.Admin)
			create(t, client, newEvent("before"))
			file.Write(t, testserver.Key("aesgcm", "k", "1"), testserver.Identity)
			n := 0
			eventually(t, "the changed configuration to be used", func() bool {
				n++
				create(t, client, newEvent(fmt.Sprint("during-", n)))
				return holds(t, config, "k8s:enc:aesgcm:v1:k:")
			})
			create(t, client, secretEvent("after"))
			expectList(t, client, "after")
			running.Stop()
			if holds(t, config, marker) {
				t.Error("an event written after the reload is plaintext")
			}
			running = with(t, config, file.Follow)
			expectList(t, jsonClient(t, running.Admin), "after")
		})
	}
}

// A server without the key must not start: it would write with another one, or plaintext. With
// the etcd store it does not become ready; only the embedded store records that it is
// encrypted.
func TestEncryptionWithoutTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	config := testserver.Config{Dir: t.TempDir(), DataDir: t.TempDir()}
	right := testserver.NewEncryptionFile(t, testserver.Key("aescbc", "k", "right"))
	running := with(t, config, right.Use)
	create(t, jsonClient(t, running.Admin), secretEvent("a"))
	running.Stop()
	for name, change := range map[string]func(*options.Options){
		"another key":              testserver.NewEncryptionFile(t, testserver.Key("aescbc", "other", "2")).Use,
		"another key of that name": testserver.NewEncryptionFile(t, testserver.Key("aescbc", "k", "wrong")).Use,
		"another kind of key":      testserver.NewEncryptionFile(t, testserver.Key("secretbox", "k", "right")).Use,
		"no encryption any more":   testserver.NewEncryptionFile(t, testserver.Identity).Use,
		"no configuration":         nil,
	} {
		config.Change = change
		err := testserver.Refused(t, config)
		if err == nil || !strings.Contains(err.Error(), "--data-dir") || !strings.Contains(err.Error(), "give it that key again") {
			t.Errorf("%s: %v", name, err)
		}
	}
	running = with(t, config, right.Use)
	expectList(t, jsonClient(t, running.Admin), "a")
}

// TestUnreadableEvents loses a key. The etcd store has no watch cache here, because it could
// not be filled.
func TestUnreadableEvents(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testUnreadableEvents(t, store(t))
		})
	}
}

func testUnreadableEvents(t *testing.T, config testserver.Config) {
	t.Helper()
	lost, kept := testserver.Key("aesgcm", "lost", "1"), testserver.Key("aesgcm", "kept", "2")
	noCache := func(options *options.Options) { options.Storage.Etcd.EnableWatchCache = false }
	running := with(t, config, testserver.NewEncryptionFile(t, lost).Use)
	create(t, jsonClient(t, running.Admin), secretEvent("lost"))
	running.Stop()
	running = with(t, config, testserver.NewEncryptionFile(t, kept, lost).Use)
	create(t, jsonClient(t, running.Admin), secretEvent("kept"))
	running.Stop()

	running = with(t, config, testserver.NewEncryptionFile(t, kept).Use, noCache)
	client := jsonClient(t, running.Admin)
	events := client.Events(namespace)
	for _, selector := range []string{"", "regarding.name=" + marker} {
		_, err := events.List(t.Context(), metav1.ListOptions{FieldSelector: selector})
		expectReason(t, "list by "+selector, err, metav1.StatusReasonStoreReadError)
		if !strings.Contains(fmt.Sprint(err), "/lost") || strings.Contains(fmt.Sprint(err), "/kept") {
			t.Errorf("list by %q does not name the event: %v", selector, err)
		}
	}
	_, err := events.Get(t.Context(), "lost", metav1.GetOptions{})
	expectReason(t, "get", err, metav1.StatusReasonInternalError)
	expectReason(t, "delete", events.Delete(t.Context(), "lost", metav1.DeleteOptions{}), metav1.StatusReasonInternalError)
	if _, err := events.Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	ignore := true
	unsafe := metav1.DeleteOptions{IgnoreStoreReadErrorWithClusterBreakingPotential: &ignore}
	if err := events.Delete(t.Context(), "kept", unsafe); err == nil {
		t.Error("an event that can be read was deleted as one that cannot")
	}
	// As kubectl delete --raw does, which has no flag for it.
	path := "/apis/events.k8s.io/v1/namespaces/" + namespace + "/events/lost?ignoreStoreReadErrorWithClusterBreakingPotential=true"
	if _, err := client.RESTClient().Delete().RequestURI(path).DoRaw(t.Context()); err != nil {
		t.Errorf("deleting what cannot be read: %v", err)
	}
	expectList(t, client, "kept")
}

func expectReason(t *testing.T, what string, err error, want metav1.StatusReason) {
	t.Helper()
	if reason := apierrors.ReasonForError(err); reason != want {
		t.Errorf("%s: reason %q, want %q: %v", what, reason, want, err)
	}
}

// TestKMS has the key in a plugin that starts after the server.
func TestKMS(t *testing.T) {
	t.Parallel()
	for name, store := range plainStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testKMS(t, store(t))
		})
	}
}

func testKMS(t *testing.T, config testserver.Config) {
	t.Helper()
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "kms") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	plugin := kmsplugin.NewBase64Plugin(t, filepath.Join(dir, "s"))
	plugin.EnterFailedState()
	later := time.AfterFunc(time.Second, plugin.ExitFailedState)
	defer later.Stop()
	file := testserver.NewEncryptionFile(t, testserver.KMS("plugin", filepath.Join(dir, "s")))

	running := with(t, config, file.Use)
	client := jsonClient(t, running.Admin)
	create(t, client, secretEvent("a"))
	expectList(t, client, "a")
	if body, err := get(t, running.Admin, "/readyz/kms-providers"); err != nil || body != "ok" {
		t.Errorf("the check of the plugin: %q, %v", body, err)
	}
	if body, err := get(t, running.Admin, "/livez?verbose"); err != nil || strings.Contains(body, "kms") {
		t.Errorf("/livez depends on the plugin: %v\n%s", err, body)
	}
	running.Stop()
	if holds(t, config, marker) || !holds(t, config, "k8s:enc:kms:v2:plugin:") {
		t.Error("something is not encrypted")
	}

	// The plugin has another key now, and still decrypts with the old one.
	plugin.UpdateKeyID()
	running = with(t, config, file.Use)
	client = jsonClient(t, running.Admin)
	create(t, client, secretEvent("b"))
	replaceAll(t, client)
	expectList(t, client, "a", "b")
	running.Stop()
	running = with(t, config, file.Follow)
	expectList(t, jsonClient(t, running.Admin), "a", "b")
}
