// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package encryption

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

// SecretName is the file in the data directory that holds the secret of the
// indexes. It is a file and not a row of the engine because the engine cannot
// be opened before it is known: the indexes belong to the secret.
const SecretName = "index-secret"

// storedSecret is what is in the file, encrypted. Earlier builds wrote one more field,
// which is ignored.
type storedSecret struct {
	Secret []byte `json:"secret"`

	// stale is whether it was encrypted with another key than the one in use.
	stale bool
}

// secretFile is the file of a secret.
type secretFile struct {
	dir, path   string
	transformer value.Transformer
}

func newSecretFile(dir string, transformer value.Transformer) secretFile {
	return secretFile{dir: dir, path: filepath.Join(dir, SecretName), transformer: transformer}
}

// authenticated binds what is encrypted to its place.
func (f secretFile) authenticated() value.Context { return value.DefaultContext("/" + SecretName) }

// read returns false if there is no file.
func (f secretFile) read(ctx context.Context) (_ storedSecret, found bool, _ error) {
	encrypted, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return storedSecret{}, false, nil
	}
	if err != nil {
		return storedSecret{}, false, fmt.Errorf("reading the secret of the indexes: %w", err)
	}
	stored, err := f.decrypt(ctx, encrypted)
	if err != nil {
		return storedSecret{}, true, fmt.Errorf("%s cannot be decrypted: %w; the events in this directory are encrypted, and the encryption "+
			"configuration has not, or not any more, the key in use when the server ran last: give it that key again. If the key is lost, so are the "+
			"events encrypted with it; to start without them remove the file, and the indexes are built again", f.path, err)
	}
	return stored, true, nil
}

func (f secretFile) decrypt(ctx context.Context, encrypted []byte) (storedSecret, error) {
	decrypted, stale, err := f.transformer.TransformFromStorage(ctx, encrypted, f.authenticated())
	if err != nil {
		return storedSecret{}, err
	}
	stored := storedSecret{stale: stale}
	// Not every cipher detects a wrong key.
	if err := json.Unmarshal(decrypted, &stored); err != nil || len(stored.Secret) != secretBytes {
		return storedSecret{}, errors.New("it does not hold what was written")
	}
	return stored, nil
}

// write replaces the file, so that there is the old or the new one after a
// crash. It refuses to write the secret as plaintext.
func (f secretFile) write(ctx context.Context, secret storedSecret) error {
	content, err := json.Marshal(secret) //nolint:gosec // encrypted below
	if err != nil {
		return fmt.Errorf("writing the secret of the indexes: %w", err)
	}
	encrypted, err := f.transformer.TransformToStorage(ctx, content, f.authenticated())
	if err == nil && bytes.Contains(encrypted, content) {
		err = errors.New("nothing is encrypted any more")
	}
	if err == nil {
		err = f.replace(encrypted)
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
