// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

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

// Encryption says how the embedded store keeps events from those who read its
// disk. The zero value does not.
type Encryption struct {
	// Transformer seals what is written and opens what is read; nil leaves both
	// as they are.
	Transformer value.Transformer
	// Changes says that the transformer may begin or cease to seal while the
	// server runs.
	Changes bool
	// CheckInterval is how often the server looks whether the transformer has
	// changed; default 1 minute.
	CheckInterval time.Duration
}

const (
	secretBytes          = 32
	defaultCheckInterval = time.Minute
)

func (e Encryption) withDefaults() Encryption {
	if e.Transformer == nil {
		e.Transformer = identity.NewEncryptCheckTransformer()
	}
	if e.CheckInterval == 0 {
		e.CheckInterval = defaultCheckInterval
	}
	return e
}

// seals reports whether the transformer seals what is written now.
func (e Encryption) seals(ctx context.Context) (bool, error) {
	probe := []byte("probe")
	sealed, err := e.Transformer.TransformToStorage(ctx, probe, value.DefaultContext("probe"))
	if err != nil {
		return false, fmt.Errorf("trying the encryption: %w", err)
	}
	return !bytes.Equal(sealed, probe), nil
}

// keeper keeps the secret of the indexes in the data directory, sealed with the
// key in use. ADR 10 has the reasons.
type keeper struct {
	encryption Encryption
	file       secretFile
	// sealing is whether the transformer sealed when it was last asked.
	sealing bool
	// secret is nil if the indexes are in plain.
	secret []byte

	stop context.CancelFunc
	done chan struct{}
}

// newKeeper reads the secret of the data directory, or makes one. It changes
// nothing: the directory may be another process'.
func newKeeper(ctx context.Context, dir string, encryption Encryption) (*keeper, error) {
	encryption = encryption.withDefaults()
	k := &keeper{encryption: encryption, file: newSecretFile(dir, encryption.Transformer)}
	kept, found, err := k.file.read(ctx)
	if err != nil {
		return nil, err
	}
	if k.sealing, err = encryption.seals(ctx); err != nil {
		return nil, err
	}
	switch {
	case k.sealing && found:
		k.secret = kept.Secret
	case k.sealing || encryption.Changes:
		// Where nothing is sealed yet, but may be soon, the secret is kept in
		// memory alone: on disk it would be in plain, and worth nothing.
		k.secret = make([]byte, secretBytes)
		if _, err := rand.Read(k.secret); err != nil {
			return nil, fmt.Errorf("making a secret for the indexes: %w", err)
		}
	}
	return k, nil
}

// keep makes the file what it should be: sealed with the key in use, and not
// there if nothing is sealed.
func (k *keeper) keep(ctx context.Context) error {
	if !k.sealing {
		return k.file.remove()
	}
	return k.file.write(ctx, keptSecret{Secret: k.secret})
}

// kept reports whether the file is what it should be. One that cannot be opened
// any more is not.
func (k *keeper) kept(ctx context.Context) bool {
	kept, found, err := k.file.read(ctx)
	if err != nil || !found || !k.sealing {
		return err == nil && found == k.sealing
	}
	return !kept.stale && bytes.Equal(kept.Secret, k.secret)
}

// start runs until end is called.
func (k *keeper) start() {
	ctx, stop := context.WithCancel(context.Background())
	k.stop, k.done = stop, make(chan struct{})
	go func() {
		defer close(k.done)
		k.run(ctx)
	}()
}

func (k *keeper) end() {
	k.stop()
	<-k.done
}

func (k *keeper) run(ctx context.Context) {
	if k.secret == nil {
		return
	}
	ticker := time.NewTicker(k.encryption.CheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := k.check(ctx); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Looking after the encryption failed; it is tried again")
		}
	}
}

// check follows the transformer.
func (k *keeper) check(ctx context.Context) error {
	sealing, err := k.encryption.seals(ctx)
	if err != nil {
		return err
	}
	k.sealing = sealing
	if k.kept(ctx) {
		return nil
	}
	return k.keep(ctx)
}
