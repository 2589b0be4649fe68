// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
	"github.com/events-apiserver/events-apiserver/pkg/storage/encryption"
)

// keys makes the transformer of an encryption configuration with these keys, in
// this order: "aescbc/a" is a key named a; "identity" is none.
func keys(t *testing.T, names ...string) value.Transformer {
	t.Helper()
	if len(names) == 0 {
		return nil
	}
	var config strings.Builder
	config.WriteString("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [events]\n  providers:\n")
	for _, name := range names {
		provider, key, _ := strings.Cut(name, "/")
		if provider == "identity" {
			config.WriteString("  - identity: {}\n")
			continue
		}
		name, secret, found := strings.Cut(key, "=")
		if !found {
			secret = name
		}
		sum := sha256.Sum256([]byte(secret))
		fmt.Fprintf(&config, "  - %s: {keys: [{name: %s, secret: %s}]}\n", provider, name, base64.StdEncoding.EncodeToString(sum[:]))
	}
	path := filepath.Join(t.TempDir(), "encryption.yaml")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := encryptionconfig.LoadEncryptionConfig(t.Context(), path, false, "test")
	if err != nil {
		t.Fatal(err)
	}
	return encryptionconfig.StaticTransformers(loaded.Transformers).TransformerForResource(schema.GroupResource{Resource: "events"})
}

// waitTimeout ends tests that hang. Nothing waits that long when it works.
const waitTimeout = 3 * time.Minute

// reloaded is a transformer that another one takes the place of while it is in
// use, as when the configuration is reloaded.
type reloaded struct {
	current atomic.Pointer[value.Transformer]
}

func newReloaded(transformer value.Transformer) *reloaded {
	r := &reloaded{}
	r.set(transformer)
	return r
}

func (r *reloaded) set(transformer value.Transformer) { r.current.Store(&transformer) }

func (r *reloaded) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	return (*r.current.Load()).TransformFromStorage(ctx, data, dataCtx)
}

func (r *reloaded) TransformToStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, error) {
	return (*r.current.Load()).TransformToStorage(ctx, data, dataCtx)
}

// secretBytes is the length of a secret.
const secretBytes = 32

// sealedDir is a data directory that is opened again and again.
type sealedDir struct {
	*testing.T
	dir     string
	store   *Store
	storage apiserverstorage.Interface
	close   func()
}

func newSealedDir(t *testing.T) *sealedDir {
	t.Helper()
	d := &sealedDir{T: t, dir: t.TempDir(), close: func() {}}
	t.Cleanup(func() { d.close() })
	return d
}

// open opens the directory, with short intervals.
func (d *sealedDir) open(config encryption.Config) error {
	d.Helper()
	d.close()
	config.CheckInterval = 10 * time.Millisecond
	store, err := Open(pods(d.T), Config{Dir: d.dir, HistoryRetention: 50 * time.Millisecond, Encryption: config})
	if err != nil {
		return err
	}
	inner, destroy, err := store.OpenKind(store.content.Objects, newPod)
	if err != nil {
		d.Fatal(err)
	}
	d.store, d.storage = store, inner
	d.close = func() {
		destroy()
		if err := store.Close(); err != nil {
			d.Error(err)
		}
		d.close = func() {}
	}
	return nil
}

func (d *sealedDir) mustOpen(config encryption.Config) {
	d.Helper()
	if err := d.open(config); err != nil {
		d.Fatal(err)
	}
}

func podKey(name string) string { return podPrefix + "/ns/" + name }

// create makes a pod that has the text in an indexed field and elsewhere.
func (d *sealedDir) create(name, text string) {
	d.Helper()
	pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(text)}}
	pod.Spec.NodeName, pod.Spec.Hostname = text, text
	if err := d.storage.Create(d.Context(), podKey(name), pod, nil, 0); err != nil {
		d.Fatal(err)
	}
}

func (d *sealedDir) rewrite(name string) {
	d.Helper()
	same := func(obj runtime.Object) (runtime.Object, error) { return obj, nil }
	if err := d.storage.GuaranteedUpdate(d.Context(), podKey(name), &example.Pod{}, false, nil, apiserverstorage.SimpleUpdate(same), nil); err != nil {
		d.Fatal(err)
	}
}

// found returns the names of the pods whose spec.nodeName is the value.
func (d *sealedDir) found(value string) string {
	d.Helper()
	predicate := apiserverstorage.SelectionPredicate{
		Label: labels.Everything(),
		Field: fields.OneTermEqualSelector("spec.nodeName", value),
		GetAttrs: func(obj runtime.Object) (labels.Set, fields.Set, error) {
			return nil, fields.Set{"spec.nodeName": nodeName(obj)}, nil
		},
	}
	list := &example.PodList{}
	if err := d.storage.GetList(d.Context(), podPrefix+"/", apiserverstorage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
		return err.Error()
	}
	names := []string{}
	for _, pod := range list.Items {
		names = append(names, pod.Name)
	}
	return strings.Join(names, " ")
}

// secretFile returns what the file holds, or nil.
func (d *sealedDir) secretFile() []byte {
	d.Helper()
	content, err := os.ReadFile(filepath.Join(d.dir, encryption.SecretName))
	if err != nil && !os.IsNotExist(err) {
		d.Fatal(err)
	}
	return content
}

// holding returns the files that hold the text.
func (d *sealedDir) holding(text string) []string {
	d.Helper()
	var found []string
	files := os.DirFS(d.dir)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && entry.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		// Files come and go.
		if content, err := fs.ReadFile(files, path); err == nil && bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		d.Fatal(err)
	}
	return found
}

// eventually waits until the function returns the empty string.
func (d *sealedDir) eventually(problem func() string) {
	d.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(d.Context(), 5*time.Millisecond, waitTimeout, true, func(context.Context) (bool, error) {
		last = problem()
		return last == "", nil
	})
	if err != nil {
		d.Fatalf("%s: %v", last, err)
	}
}

// keeps waits until the file holds the secret of the indexes, encrypted with a key of
// the transformer.
func (d *sealedDir) keeps(transformer value.Transformer) {
	d.Helper()
	d.eventually(func() string {
		encrypted := d.secretFile()
		content, _, err := transformer.TransformFromStorage(d.Context(), encrypted, value.DefaultContext("/"+encryption.SecretName))
		var stored struct{ Secret []byte }
		if err == nil {
			err = json.Unmarshal(content, &stored)
		}
		if err != nil || !bytes.Equal(stored.Secret, d.store.keys.Secret()) {
			return fmt.Sprintf("the file has %d bytes, and not the secret: %v", len(encrypted), err)
		}
		return ""
	})
}

// secretText is what pods have that must be encrypted.
const secretText = "that-nobody-may-know"

// stored returns the names of the pods that hold the secret text as it is.
func (d *sealedDir) stored() string {
	d.Helper()
	var names []string
	_, err := d.store.engine.List(d.Context(), engine.Query{}, func(record engine.Record) bool {
		if bytes.Contains(record.Value, []byte(secretText)) {
			names = append(names, filepath.Base(string(record.Key)))
		}
		return true
	})
	if err != nil {
		d.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestSecretOfIndexes opens a directory with one configuration after the other.
func TestSecretOfIndexes(t *testing.T) {
	t.Parallel()
	type step struct {
		keys    []string
		changes bool
		// file says whether there is a file afterwards; kept that the secret is
		// the one of the step before; plain that there is none; refused that the
		// directory is not opened.
		file, kept, plain, refused bool
	}
	for name, steps := range map[string][]step{
		"never":                     {{plain: true}, {plain: true}},
		"identity alone":            {{keys: []string{"identity"}, plain: true}},
		"on, and on again":          {{plain: true}, {keys: []string{"aescbc/a", "identity"}, file: true}, {keys: []string{"aescbc/a"}, file: true, kept: true}},
		"another key":               {{keys: []string{"aesgcm/a"}, file: true}, {keys: []string{"secretbox/b", "aesgcm/a"}, file: true, kept: true}, {keys: []string{"secretbox/b"}, file: true, kept: true}},
		"key added, then used":      {{keys: []string{"aescbc/a"}, file: true}, {keys: []string{"aescbc/a", "aescbc/b"}, file: true, kept: true}, {keys: []string{"aescbc/b", "aescbc/a"}, file: true, kept: true}},
		"key lost":                  {{keys: []string{"secretbox/a"}, file: true}, {keys: []string{"secretbox/b"}, file: true, refused: true}, {keys: []string{"secretbox/a"}, file: true}},
		"wrong key of the name":     {{keys: []string{"aescbc/a"}, file: true}, {keys: []string{"aescbc/a=other"}, file: true, refused: true}},
		"configuration forgotten":   {{keys: []string{"aesgcm/a"}, file: true}, {file: true, refused: true}},
		"off":                       {{keys: []string{"aesgcm/a"}, file: true}, {keys: []string{"identity", "aesgcm/a"}, plain: true}, {plain: true}},
		"off and on again":          {{keys: []string{"aesgcm/a"}, file: true}, {keys: []string{"identity", "aesgcm/a"}, plain: true}, {keys: []string{"aesgcm/a", "identity"}, file: true}},
		"may be turned on any time": {{keys: []string{"identity"}, changes: true}, {keys: []string{"identity"}, changes: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSealedDir(t)
			var before []byte
			for i, step := range steps {
				err := d.open(encryption.Config{Transformer: keys(t, step.keys...), Changes: step.changes})
				if refused := err != nil; refused != step.refused || refused && !strings.Contains(err.Error(), "give it that key again") {
					t.Fatalf("step %d: %v", i, err)
				}
				if there := d.secretFile() != nil; there != step.file {
					t.Errorf("step %d: the file is there: %v", i, there)
				}
				if step.refused {
					continue
				}
				secret := d.store.keys.Secret()
				if (secret == nil) != step.plain || !step.plain && len(secret) != secretBytes {
					t.Errorf("step %d: the secret has %d bytes", i, len(secret))
				}
				if kept := before != nil && bytes.Equal(secret, before); kept != step.kept && steps[max(i-1, 0)].refused == false {
					t.Errorf("step %d: the secret is the one before: %v", i, kept)
				}
				if secret != nil && len(d.holding(string(secret)))+len(d.holding(base64.StdEncoding.EncodeToString(secret))) > 0 {
					t.Errorf("step %d: the secret is on disk", i)
				}
				before = bytes.Clone(secret)
			}
		})
	}
}

// TestEncryptionIsTurnedOn turns encryption on for a directory with pods. As with
// etcd, each is encrypted when it is written again.
func TestEncryptionIsTurnedOn(t *testing.T) {
	t.Parallel()
	const text = secretText
	d := newSealedDir(t)
	d.mustOpen(encryption.Config{})
	d.create("first", text)
	d.create("second", text)
	d.create("deleted", text)

	sealing := encryption.Config{Transformer: keys(t, "aescbc/a", "identity")}
	d.mustOpen(sealing)
	d.keeps(sealing.Transformer)
	d.rewrite("first")
	if err := d.storage.Delete(t.Context(), podKey("deleted"), &example.Pod{}, nil, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, plain := d.found(text), d.stored(); got != "first second" || plain != "second" {
		t.Errorf("found %q, of which %q are plaintext", got, plain)
	}
	d.rewrite("second")
	d.mustOpen(sealing)
	if got, plain := d.found(text), d.stored(); got != "first second" || plain != "" {
		t.Errorf("found %q after a restart, of which %q are plaintext", got, plain)
	}
	if err := d.store.engine.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNothingIsEverPlaintext has encryption from the beginning.
func TestNothingIsEverPlaintext(t *testing.T) {
	t.Parallel()
	const text = secretText
	for _, name := range []string{"aescbc/a", "aesgcm/a", "secretbox/a"} {
		d := newSealedDir(t)
		sealing := encryption.Config{Transformer: keys(t, name)}
		d.mustOpen(sealing)
		d.create("first", text)
		d.create("second", text)
		d.create("third", "known")
		d.rewrite("first")
		if got, other := d.found(text), d.found("known"); got != "first second" || other != "third" {
			t.Errorf("%s: found %q and %q", name, got, other)
		}
		if files := d.holding(text); len(files) > 0 {
			t.Errorf("%s: found in %v", name, files)
		}
		d.mustOpen(sealing)
		if files := d.holding(text); len(files) > 0 {
			t.Errorf("%s: found in %v after a restart", name, files)
		}
		if got := d.found(text); got != "first second" {
			t.Errorf("%s: found %q after a restart", name, got)
		}
		d.close()
	}
}

// TestEncryptionIsReloaded turns encryption on, changes the key and turns it off
// while the store is open.
func TestEncryptionIsReloaded(t *testing.T) {
	t.Parallel()
	const text = secretText
	d := newSealedDir(t)
	transformer := newReloaded(keys(t, "identity"))
	d.mustOpen(encryption.Config{Transformer: transformer, Changes: true})
	secret := d.store.keys.Secret()
	d.create("first", text)
	if d.secretFile() != nil {
		t.Error("the secret is kept although nothing could seal it")
	}

	on := keys(t, "aesgcm/a", "identity")
	transformer.set(on)
	d.keeps(on)
	d.create("second", text)
	d.rewrite("first")
	if got, plain := d.found(text), d.stored(); got != "first second" || plain != "" {
		t.Errorf("found %q, of which %q are plaintext", got, plain)
	}

	rotated := keys(t, "secretbox/b", "aesgcm/a", "identity")
	transformer.set(rotated)
	onlyNew := keys(t, "secretbox/b")
	d.keeps(onlyNew)

	d.mustOpen(encryption.Config{Transformer: transformer, Changes: true})
	if !bytes.Equal(d.store.keys.Secret(), secret) {
		t.Error("a new secret, although the old one was kept")
	}
	d.keeps(onlyNew)

	transformer.set(keys(t, "identity", "secretbox/b", "aesgcm/a"))
	d.eventually(func() string {
		if d.secretFile() != nil {
			return "the secret is kept although nothing seals it any more"
		}
		return ""
	})
	d.rewrite("first")
	if got := d.found(text); got != "first second" {
		t.Errorf("found %q", got)
	}
	transformer.set(rotated)
	d.keeps(onlyNew)
	if plain := d.stored(); plain != "first" {
		t.Errorf("%q are plaintext, want what was written in the meantime", plain)
	}
	d.rewrite("first")
	if plain := d.stored(); plain != "" {
		t.Errorf("%q are plaintext", plain)
	}
}

// A server that is started by mistake must not touch the directory of another.
func TestOpen_LeavesADirectoryInUseAlone(t *testing.T) {
	t.Parallel()
	d := newSealedDir(t)
	d.mustOpen(encryption.Config{Transformer: keys(t, "aesgcm/a")})
	before := d.secretFile()
	_, err := Open(pods(t), Config{Dir: d.dir, Encryption: encryption.Config{Transformer: keys(t, "identity", "aesgcm/a")}})
	if err == nil || !strings.Contains(err.Error(), engine.ErrLocked.Error()) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(d.secretFile(), before) {
		t.Error("the file was changed")
	}
}
