// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
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
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	apiserverstorage "k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	"github.com/events-apiserver/events-apiserver/pkg/engine"
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

// sealedDir is a data directory that is opened again and again.
type sealedDir struct {
	*testing.T
	dir     string
	store   *EmbeddedStore
	storage apiserverstorage.Interface
	close   func()
}

func newSealedDir(t *testing.T) *sealedDir {
	t.Helper()
	d := &sealedDir{T: t, dir: t.TempDir(), close: func() {}}
	t.Cleanup(func() { d.close() })
	return d
}

// open opens the directory, with little patience for what is in plain.
func (d *sealedDir) open(encryption Encryption) error {
	d.Helper()
	d.close()
	encryption.CheckInterval = 10 * time.Millisecond
	api, err := NewAPI()
	if err != nil {
		d.Fatal(err)
	}
	store, err := api.OpenEmbeddedStore(EmbeddedConfig{Dir: d.dir, Retention: 50 * time.Millisecond, Encryption: encryption})
	if err != nil {
		return err
	}
	newEvent := func() runtime.Object { return &events.Event{} }
	backend := storagebackend.NewDefaultConfig("", store.codec).ForResource(schema.GroupResource{Group: events.GroupName, Resource: "events"})
	inner, destroy, err := store.decorate(backend, "", nil, newEvent, nil, nil, nil, nil)
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

func (d *sealedDir) mustOpen(encryption Encryption) {
	d.Helper()
	if err := d.open(encryption); err != nil {
		d.Fatal(err)
	}
}

func eventKey(name string) string { return embeddedPrefix + "/ns/" + name }

// create makes an event that has the text wherever it can.
func (d *sealedDir) create(name, text string) {
	d.Helper()
	event := &events.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Note: text, Reason: text}
	event.Regarding.UID, event.Regarding.Name = types.UID(text), text
	if err := d.storage.Create(d.Context(), eventKey(name), event, nil, 0); err != nil {
		d.Fatal(err)
	}
}

func (d *sealedDir) rewrite(name string) {
	d.Helper()
	same := func(obj runtime.Object) (runtime.Object, error) { return obj, nil }
	if err := d.storage.GuaranteedUpdate(d.Context(), eventKey(name), &events.Event{}, false, nil, apiserverstorage.SimpleUpdate(same), nil); err != nil {
		d.Fatal(err)
	}
}

// found returns the names of the events whose regarding.name is the value.
func (d *sealedDir) found(value string) string {
	d.Helper()
	predicate := apiserverstorage.SelectionPredicate{
		Label: labels.Everything(),
		Field: fields.OneTermEqualSelector("regarding.name", value),
		GetAttrs: func(obj runtime.Object) (labels.Set, fields.Set, error) {
			event, ok := obj.(*events.Event)
			if !ok {
				return nil, nil, fmt.Errorf("not an event: %T", obj)
			}
			return nil, fields.Set{"regarding.name": event.Regarding.Name}, nil
		},
	}
	list := &events.EventList{}
	if err := d.storage.GetList(d.Context(), embeddedPrefix+"/", apiserverstorage.ListOptions{Recursive: true, Predicate: predicate}, list); err != nil {
		return err.Error()
	}
	names := []string{}
	for _, event := range list.Items {
		names = append(names, event.Name)
	}
	return strings.Join(names, " ")
}

// secretFile returns what the file holds, or nil.
func (d *sealedDir) secretFile() []byte {
	d.Helper()
	content, err := os.ReadFile(filepath.Join(d.dir, secretName))
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
	err := wait.PollUntilContextTimeout(d.Context(), 5*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		last = problem()
		return last == "", nil
	})
	if err != nil {
		d.Fatalf("%s: %v", last, err)
	}
}

// keeps waits until the file holds the secret of the indexes, sealed with a key of
// the transformer.
func (d *sealedDir) keeps(transformer value.Transformer) {
	d.Helper()
	d.eventually(func() string {
		kept, found, err := newSecretFile(d.dir, transformer).read(d.Context())
		if err != nil || !found || !bytes.Equal(kept.Secret, d.store.keeper.secret) {
			return fmt.Sprintf("the file is there: %v, %v", found, err)
		}
		return ""
	})
}

// stored returns the names of the events that hold the text as it is.
func (d *sealedDir) stored(text string) string {
	d.Helper()
	var names []string
	_, err := d.store.engine.List(d.Context(), engine.Query{}, func(record engine.Record) bool {
		if bytes.Contains(record.Value, []byte(text)) {
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
				err := d.open(Encryption{Transformer: keys(t, step.keys...), Changes: step.changes})
				if refused := err != nil; refused != step.refused || refused && !strings.Contains(err.Error(), "give it that key again") {
					t.Fatalf("step %d: %v", i, err)
				}
				if there := d.secretFile() != nil; there != step.file {
					t.Errorf("step %d: the file is there: %v", i, there)
				}
				if step.refused {
					continue
				}
				secret := d.store.keeper.secret
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

// TestEncryptionIsTurnedOn turns encryption on for a directory with events. As with
// etcd, each is encrypted when it is written again.
func TestEncryptionIsTurnedOn(t *testing.T) {
	t.Parallel()
	const text = "that-nobody-may-know"
	d := newSealedDir(t)
	d.mustOpen(Encryption{})
	d.create("first", text)
	d.create("second", text)
	d.create("deleted", text)

	sealing := Encryption{Transformer: keys(t, "aescbc/a", "identity")}
	d.mustOpen(sealing)
	d.keeps(sealing.Transformer)
	d.rewrite("first")
	if err := d.storage.Delete(t.Context(), eventKey("deleted"), &events.Event{}, nil, apiserverstorage.ValidateAllObjectFunc, nil, apiserverstorage.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, plain := d.found(text), d.stored(text); got != "first second" || plain != "second" {
		t.Errorf("found %q, of which %q are plaintext", got, plain)
	}
	d.rewrite("second")
	d.mustOpen(sealing)
	if got, plain := d.found(text), d.stored(text); got != "first second" || plain != "" {
		t.Errorf("found %q after a restart, of which %q are plaintext", got, plain)
	}
	if err := d.store.engine.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNothingIsEverInPlain has encryption from the beginning.
func TestNothingIsEverInPlain(t *testing.T) {
	t.Parallel()
	const text = "that-nobody-may-know"
	for _, name := range []string{"aescbc/a", "aesgcm/a", "secretbox/a"} {
		d := newSealedDir(t)
		sealing := Encryption{Transformer: keys(t, name)}
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
	const text = "that-nobody-may-know"
	d := newSealedDir(t)
	transformer := newReloaded(keys(t, "identity"))
	d.mustOpen(Encryption{Transformer: transformer, Changes: true})
	secret := d.store.keeper.secret
	d.create("first", text)
	if d.secretFile() != nil {
		t.Error("the secret is kept although nothing could seal it")
	}

	on := keys(t, "aesgcm/a", "identity")
	transformer.set(on)
	d.keeps(on)
	d.create("second", text)
	d.rewrite("first")
	if got, plain := d.found(text), d.stored(text); got != "first second" || plain != "" {
		t.Errorf("found %q, of which %q are plaintext", got, plain)
	}

	rotated := keys(t, "secretbox/b", "aesgcm/a", "identity")
	transformer.set(rotated)
	onlyNew := keys(t, "secretbox/b")
	d.keeps(onlyNew)

	d.mustOpen(Encryption{Transformer: transformer, Changes: true})
	if !bytes.Equal(d.store.keeper.secret, secret) {
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
	if plain := d.stored(text); plain != "first" {
		t.Errorf("%q are plaintext, want what was written in the meantime", plain)
	}
	d.rewrite("first")
	if plain := d.stored(text); plain != "" {
		t.Errorf("%q are plaintext", plain)
	}
}

// TestSecretFile_SurvivesAnInterruptedWrite finds what a crash leaves behind.
func TestSecretFile_SurvivesAnInterruptedWrite(t *testing.T) {
	t.Parallel()
	file := newSecretFile(t.TempDir(), keys(t, "aesgcm/a"))
	kept := keptSecret{Secret: bytes.Repeat([]byte("s"), secretBytes)}
	if err := file.write(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file.path+".new", []byte("half of"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, found, err := file.read(t.Context())
		if err != nil || !found || !bytes.Equal(got.Secret, kept.Secret) {
			t.Fatalf("read %+v, %v, %v", got, found, err)
		}
		if err := file.write(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file.path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found, err := file.read(t.Context()); err == nil || !found || !strings.Contains(err.Error(), file.path) {
		t.Errorf("reading something else: %v", err)
	}
	plain := newSecretFile(t.TempDir(), keys(t, "identity"))
	if err := plain.write(t.Context(), kept); err == nil {
		t.Error("the secret was written in plain")
	}
}

// Earlier builds wrote how far the removal of plaintext from files had got, too.
func TestSecretFile_OfAnEarlierBuild(t *testing.T) {
	t.Parallel()
	file := newSecretFile(t.TempDir(), keys(t, "aesgcm/a"))
	secret := bytes.Repeat([]byte("s"), secretBytes)
	content := fmt.Sprintf(`{"secret":%q,"plain":"files"}`, base64.StdEncoding.EncodeToString(secret))
	sealed, err := file.transformer.TransformToStorage(t.Context(), []byte(content), file.authenticated())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file.path, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if kept, found, err := file.read(t.Context()); err != nil || !found || !bytes.Equal(kept.Secret, secret) {
		t.Errorf("read %+v, %v, %v", kept, found, err)
	}
}

// A server that is started by mistake must not touch the directory of another.
func TestKeeperLeavesDirectoryInUseAlone(t *testing.T) {
	t.Parallel()
	d := newSealedDir(t)
	d.mustOpen(Encryption{Transformer: keys(t, "aesgcm/a")})
	before := d.secretFile()
	api, err := NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.OpenEmbeddedStore(EmbeddedConfig{Dir: d.dir, Encryption: Encryption{Transformer: keys(t, "identity", "aesgcm/a")}})
	if err == nil || !strings.Contains(err.Error(), engine.ErrLocked.Error()) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(d.secretFile(), before) {
		t.Error("the file was changed")
	}
}
