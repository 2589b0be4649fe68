// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/storage"

	"github.com/events-apiserver/events-apiserver/pkg/engine"
)

// KeySeparator is what the keys of a namespace, and those of a resource, end with
// before what tells them apart. The engine counts by it.
const KeySeparator byte = '/'

// prepareKey checks the key of a request. A recursive one ends with a slash
// afterwards, so that "/events/a" does not reach into "/events/ab".
func (s *Store) prepareKey(key string, recursive bool) (string, error) {
	return storage.PrepareKey(s.resourceRoot(), key, recursive)
}

// resourceRoot is the prefix of all keys of the resource, with its slash.
func (s *Store) resourceRoot() string { return resourceRoot(s.config.ResourcePrefix) }

func resourceRoot(prefix string) string {
	if prefix[len(prefix)-1] == '/' {
		return prefix
	}
	return prefix + "/"
}

// checkNotOlderThan refuses to answer with data that is older than the client
// has seen.
func (s *Store) checkNotOlderThan(resourceVersion string, revision engine.Revision) error {
	if resourceVersion == "" {
		return nil
	}
	wanted, err := s.config.Versioner.ParseResourceVersion(resourceVersion)
	if err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("invalid resource version: %v", err))
	}
	if wanted > uint64(revision) {
		return storage.NewTooLargeResourceVersionError(wanted, uint64(revision), 0)
	}
	return nil
}
