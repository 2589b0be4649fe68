// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package encryption

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	"k8s.io/klog/v2"
)

// Config says how the values of a store are encrypted. The zero value leaves them
// plaintext.
type Config struct {
	// Transformer encrypts what is written and decrypts what is read; nil leaves
	// both as they are.
	Transformer value.Transformer
	// Changes says that the transformer may begin or cease to encrypt while the
	// server runs.
	Changes bool
	// CheckInterval is how often the key manager checks whether the transformer has
	// changed; default 1 minute.
	CheckInterval time.Duration
}

const (
	secretBytes          = 32
	defaultCheckInterval = time.Minute
)

// WithDefaults returns the config with the defaults of what is not set.
func (c Config) WithDefaults() Config {
	if c.Transformer == nil {
		c.Transformer = identity.NewEncryptCheckTransformer()
	}
	if c.CheckInterval == 0 {
		c.CheckInterval = defaultCheckInterval
	}
	return c
}

// encrypts reports whether the transformer encrypts what is written now.
func (c Config) encrypts(ctx context.Context) (bool, error) {
	probe := []byte("probe")
	encrypted, err := c.Transformer.TransformToStorage(ctx, probe, value.DefaultContext("probe"))
	if err != nil {
		return false, fmt.Errorf("trying the encryption: %w", err)
	}
	return !bytes.Equal(encrypted, probe), nil
}

// KeyManager keeps the secret of the indexes in the data directory, encrypted with
// the key in use. ADR 10 has the reasons.
type KeyManager struct {
	config Config
	file   secretFile
	// encrypting is whether the transformer encrypted at the last check.
	encrypting bool
	// secret is nil if the indexes are plaintext.
	secret []byte

	stop context.CancelFunc
	done chan struct{}
}

// NewKeyManager reads the secret of the data directory, or makes one. It changes
// nothing, because another process may be using the directory.
func NewKeyManager(ctx context.Context, dir string, config Config) (*KeyManager, error) {
	config = config.WithDefaults()
	m := &KeyManager{config: config, file: newSecretFile(dir, config.Transformer)}
	stored, found, err := m.file.read(ctx)
	if err != nil {
		return nil, err
	}
	if m.encrypting, err = config.encrypts(ctx); err != nil {
		return nil, err
	}
	switch {
	case m.encrypting && found:
		m.secret = stored.Secret
	case m.encrypting || config.Changes:
		// Where nothing is encrypted yet, but may be soon, the secret is held in
		// memory only: on disk it would be plaintext, and worth nothing.
		m.secret = make([]byte, secretBytes)
		if _, err := rand.Read(m.secret); err != nil {
			return nil, fmt.Errorf("making a secret for the indexes: %w", err)
		}
	}
	return m, nil
}

// Transformer returns what encrypts and decrypts values.
func (m *KeyManager) Transformer() value.Transformer { return m.config.Transformer }

// Secret returns the secret of the indexes, nil if they are plaintext.
func (m *KeyManager) Secret() []byte { return m.secret }

// Start writes the secret into the directory, which the caller must have opened, and
// runs until Stop.
func (m *KeyManager) Start(ctx context.Context) error {
	if err := m.write(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	m.stop, m.done = stop, make(chan struct{})
	go func() {
		defer close(m.done)
		m.run(running)
	}()
	return nil
}

// Stop ends what Start began, before the directory is closed.
func (m *KeyManager) Stop() {
	m.stop()
	<-m.done
}

// write makes the file what it should be: encrypted with the key in use, and absent
// if nothing is encrypted.
func (m *KeyManager) write(ctx context.Context) error {
	if !m.encrypting {
		return m.file.remove()
	}
	return m.file.write(ctx, storedSecret{Secret: m.secret})
}

// written reports whether the file is what it should be. One that cannot be
// decrypted any more is not.
func (m *KeyManager) written(ctx context.Context) bool {
	stored, found, err := m.file.read(ctx)
	if err != nil || !found || !m.encrypting {
		return err == nil && found == m.encrypting
	}
	return !stored.stale && bytes.Equal(stored.Secret, m.secret)
}

func (m *KeyManager) run(ctx context.Context) {
	if m.secret == nil {
		return
	}
	ticker := time.NewTicker(m.config.CheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := m.check(ctx); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Check of the encryption failed; it is retried", "interval", m.config.CheckInterval)
		}
	}
}

// check follows the transformer.
func (m *KeyManager) check(ctx context.Context) error {
	encrypting, err := m.config.encrypts(ctx)
	if err != nil {
		return err
	}
	m.encrypting = encrypting
	if m.written(ctx) {
		return nil
	}
	return m.write(ctx)
}
