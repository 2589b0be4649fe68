// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/apiserver/pkg/storage/value"
)

// secretName is the file in the data directory that holds the secret of the
// indexes. It is a file and not a row of the engine because the engine cannot
// be opened before it is known: the indexes belong to the secret.
const secretName = "index-secret"

// keptSecret is what is in the file, sealed. Earlier builds wrote one more field,
// which is ignored.
type keptSecret struct {
	Secret []byte `json:"secret"`

	// stale says that it is to be sealed anew, with the key in use.
	stale bool
}

// secretFile is the file that keeps a secret.
type secretFile struct {
	dir, path   string
	transformer value.Transformer
}

func newSecretFile(dir string, transformer value.Transformer) secretFile {
	return secretFile{dir: dir, path: filepath.Join(dir, secretName), transformer: transformer}
}

// authenticated binds what is sealed to its place.
func (f secretFile) authenticated() value.Context { return value.DefaultContext("/" + secretName) }

// read returns false if there is no file.
func (f secretFile) read(ctx context.Context) (_ keptSecret, found bool, _ error) {
	sealed, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return keptSecret{}, false, nil
	}
	if err != nil {
		return keptSecret{}, false, fmt.Errorf("reading the secret of the indexes: %w", err)
	}
	kept, err := f.open(ctx, sealed)
	if err != nil {
		return keptSecret{}, true, fmt.Errorf("%s cannot be decrypted: %w; the events in this directory are encrypted, and the encryption "+
			"configuration has not, or not any more, the key in use when the server ran last: give it that key again. If the key is lost, so are the "+
			"events encrypted with it; to start without them remove the file, and the indexes are built anew", f.path, err)
	}
	return kept, true, nil
}

func (f secretFile) open(ctx context.Context, sealed []byte) (keptSecret, error) {
	opened, stale, err := f.transformer.TransformFromStorage(ctx, sealed, f.authenticated())
	if err != nil {
		return keptSecret{}, err
	}
	kept := keptSecret{stale: stale}
	// Not every cipher can tell a wrong key.
	if err := json.Unmarshal(opened, &kept); err != nil || len(kept.Secret) != secretBytes {
		return keptSecret{}, errors.New("it does not hold what was written")
	}
	return kept, nil
}

// write replaces the file, so that there is the old or the new one after a
// crash. It refuses to write the secret in plain.
func (f secretFile) write(ctx context.Context, kept keptSecret) error {
	content, err := json.Marshal(kept) //nolint:gosec // sealed below
	if err != nil {
		return fmt.Errorf("writing the secret of the indexes: %w", err)
	}
	sealed, err := f.transformer.TransformToStorage(ctx, content, f.authenticated())
	if err == nil && bytes.Contains(sealed, content) {
		err = errors.New("nothing is encrypted any more")
	}
	if err == nil {
		err = f.replace(sealed)
	}
	if err != nil {
		return fmt.Errorf("writing the secret of the indexes: %w", err)
	}
	return nil
}

func (f secretFile) replace(content []byte) error {
	file, err := os.OpenFile(f.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), f.path); err != nil {
		return err
	}
	return f.syncDir()
}

// remove is no error if there is no file.
func (f secretFile) remove() error {
	err := os.Remove(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.syncDir()
	}
	if err != nil {
		return fmt.Errorf("removing the secret of the indexes: %w", err)
	}
	return nil
}

func (f secretFile) syncDir() error {
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
