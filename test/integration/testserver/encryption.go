// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package testserver

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
)

// Provider is a provider of an EncryptionConfiguration, in YAML.
type Provider string

// Identity does not encrypt.
const Identity Provider = "identity: {}"

// Key returns a provider of the kind, aescbc, aesgcm or secretbox, with a key of
// that name that is made from the secret.
func Key(kind, name, secret string) Provider {
	key := sha256.Sum256([]byte(secret))
	return Provider(fmt.Sprintf("%s: {keys: [{name: %s, secret: %s}]}", kind, name, base64.StdEncoding.EncodeToString(key[:])))
}

// KMS returns the provider of a KMS v2 plugin that listens at a socket.
func KMS(name, socket string) Provider {
	return Provider(fmt.Sprintf("kms: {apiVersion: v2, name: %s, endpoint: 'unix://%s', timeout: 3s}", name, socket))
}

// EncryptionFile is the file of an EncryptionConfiguration.
type EncryptionFile struct{ path string }

// NewEncryptionFile writes a file by which events are encrypted with the first
// of the providers, and decrypted with all.
func NewEncryptionFile(tb testing.TB, providers ...Provider) *EncryptionFile {
	tb.Helper()
	file := &EncryptionFile{path: filepath.Join(tb.TempDir(), "encryption.yaml")}
	file.Write(tb, providers...)
	return file
}

// Write replaces the file.
func (f *EncryptionFile) Write(tb testing.TB, providers ...Provider) {
	tb.Helper()
	var content strings.Builder
	content.WriteString("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [events]\n  providers:\n")
	for _, provider := range providers {
		fmt.Fprintf(&content, "  - %s\n", provider)
	}
	// A server that reads it again must not find half of it.
	if err := os.WriteFile(f.path+".new", []byte(content.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		tb.Fatal(err)
	}
}

// Use is a change of options: it makes a server use the file.
func (f *EncryptionFile) Use(options *options.Options) {
	options.Storage.Etcd.EncryptionProviderConfigFilepath = f.path
}

// Follow makes a server use the file, and what becomes of it.
func (f *EncryptionFile) Follow(options *options.Options) {
	f.Use(options)
	options.Storage.Etcd.EncryptionProviderConfigAutomaticReload = true
}

// Path is where the file is.
func (f *EncryptionFile) Path() string { return f.path }
