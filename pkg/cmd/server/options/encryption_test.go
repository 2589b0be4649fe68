// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/apiserver/pkg/storage/value"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
)

const (
	configHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
	aesgcm     = "\n  providers:\n  - aesgcm: {keys: [{name: k, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]}\n"
	identical  = "\n  providers:\n  - identity: {}\n"
)

// withEncryption returns storage options that use a file with this content.
func withEncryption(t *testing.T, content string) (*StorageOptions, *genericapiserver.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "encryption.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	api, err := apiserver.NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	options, err := NewStorageOptions(api)
	if err != nil {
		t.Fatal(err)
	}
	options.Etcd.EncryptionProviderConfigFilepath = path
	return options, &genericapiserver.NewRecommendedConfig(api.Codecs).Config
}

// Events go by the name that they have in the configuration of kube-apiserver,
// whose code reads the file and knows no other.
func TestEncryption_FindsEvents(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		entries string
		// refused is what the error says; without one events are encrypted, or
		// left plain.
		refused string
		plain   bool
	}{
		"by name":                {entries: "- resources: [events]" + aesgcm},
		"with others":            {entries: "- resources: [secrets, events]" + aesgcm},
		"as one of the core":     {entries: "- resources: ['*.']" + aesgcm},
		"as one of all":          {entries: "- resources: ['*.*']" + aesgcm},
		"by their own, first":    {entries: "- resources: [events]" + identical + "- resources: ['*.*']" + aesgcm, plain: true},
		"plaintext":              {entries: "- resources: [events]" + identical, plain: true},
		"not, but others":        {entries: "- resources: [secrets]" + aesgcm, refused: "no entry is for events"},
		"not, but other groups":  {entries: "- resources: ['*.apps']" + aesgcm, refused: "no entry is for events"},
		"by the name of the API": {entries: "- resources: [events.events.k8s.io]" + aesgcm, refused: "Use 'events' instead"},
		"not at all":             {entries: "- resources: []" + aesgcm, refused: "resources"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, reload := range []bool{false, true} {
				options, config := withEncryption(t, configHead+test.entries)
				options.Etcd.EncryptionProviderConfigAutomaticReload = reload
				encryption, err := options.applyEncryption(config)
				if test.refused != "" {
					if err == nil || !strings.Contains(err.Error(), test.refused) || !strings.Contains(err.Error(), "--"+EncryptionFlag+"=") {
						t.Errorf("reload %v: got %v, want an error with %q", reload, err, test.refused)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				transformer := config.ResourceTransformers.TransformerForResource(eventsv1.Resource("events"))
				sealed, err := transformer.TransformToStorage(t.Context(), []byte("data"), value.DefaultContext("key"))
				if err != nil || bytes.Equal(sealed, []byte("data")) != test.plain {
					t.Errorf("reload %v: stored as %q, %v", reload, sealed, err)
				}
				if err := encryption.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestEncryption_ReloadNeedsAFile(t *testing.T) {
	t.Parallel()
	for _, store := range [][]string{{"--storage=embedded", "--data-dir=" + t.TempDir()}, {"--storage=etcd", someEtcd}} {
		errs := storageOptions(t, append([]string{"--" + encryptionReloadFlag}, store...)...).Validate()
		if len(errs) != 1 || !namesFlag(errs[0], encryptionReloadFlag) {
			t.Errorf("%v: got %v", store, errs)
		}
	}
}

func TestAwaitHealthy(t *testing.T) {
	t.Parallel()
	asked := 0
	later := healthz.NamedCheck("later", func(*http.Request) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err := awaitHealthy([]healthz.HealthChecker{later}, time.Minute); err != nil || asked != 3 {
		t.Errorf("asked %d times, got %v", asked, err)
	}
	never := healthz.NamedCheck("never", func(*http.Request) error { return errors.New("no plugin") })
	if err := awaitHealthy([]healthz.HealthChecker{later, never}, time.Millisecond); err == nil || !strings.Contains(err.Error(), "no plugin") {
		t.Errorf("got %v", err)
	}
}
