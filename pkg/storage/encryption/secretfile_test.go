// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package encryption

import (
	"bytes"
	"crypto/aes"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/storage/value"
	encryptaes "k8s.io/apiserver/pkg/storage/value/encrypt/aes"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
)

func newTransformer(t *testing.T) value.Transformer {
	t.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte("k"), 16))
	if err != nil {
		t.Fatal(err)
	}
	transformer, err := encryptaes.NewGCMTransformer(block)
	if err != nil {
		t.Fatal(err)
	}
	return transformer
}

// TestSecretFile_SurvivesAnInterruptedWrite finds what a crash leaves behind.
func TestSecretFile_SurvivesAnInterruptedWrite(t *testing.T) {
	t.Parallel()
	file := newSecretFile(t.TempDir(), newTransformer(t))
	kept := storedSecret{Secret: bytes.Repeat([]byte("s"), secretBytes)}
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
	plain := newSecretFile(t.TempDir(), identity.NewEncryptCheckTransformer())
	if err := plain.write(t.Context(), kept); err == nil {
		t.Error("the secret was written as plaintext")
	}
}

// Earlier builds wrote how far the removal of plaintext from files had got, too.
func TestSecretFile_OfAnEarlierBuild(t *testing.T) {
	t.Parallel()
	file := newSecretFile(t.TempDir(), newTransformer(t))
	secret := bytes.Repeat([]byte("s"), secretBytes)
	content := fmt.Sprintf(`{"secret":%q,"plain":"files"}`, base64.StdEncoding.EncodeToString(secret))
	encrypted, err := file.transformer.TransformToStorage(t.Context(), []byte(content), file.authenticated())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file.path, encrypted, 0o600); err != nil {
		t.Fatal(err)
	}
	if stored, found, err := file.read(t.Context()); err != nil || !found || !bytes.Equal(stored.Secret, secret) {
		t.Errorf("read %+v, %v, %v", stored, found, err)
	}
}
