// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	upstreamcorev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

// apiFixtures returns the directory of the fixtures of k8s.io/api: one file for each
// release, kind and wire format.
func apiFixtures(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/api").Output()
	if err != nil {
		t.Fatalf("finding k8s.io/api: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "testdata")
}

// fixture is a kind in one release's fixtures.
type fixture struct {
	release string
	kind    schema.GroupVersionKind
}

func fixtures(t *testing.T, dir string) []fixture {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []fixture
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		found = append(found,
			fixture{entry.Name(), eventsv1.SchemeGroupVersion.WithKind("Event")},
			fixture{entry.Name(), upstreamcorev1.SchemeGroupVersion.WithKind("Event")})
	}
	if len(found) < 4 {
		t.Fatalf("only %d fixtures in %s", len(found), dir)
	}
	return found
}

func (f fixture) file(dir, extension string) string {
	group := f.kind.Group
	if group == "" {
		group = "core"
	}
	return filepath.Join(dir, f.release, strings.Join([]string{group, f.kind.Version, f.kind.Kind, extension}, "."))
}

// An event of any release and wire format must not change when it is converted to the hub
// type and back.
func TestFixtures_PassThroughTheHub(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	if err := Install(scheme); err != nil {
		t.Fatal(err)
	}
	codecs := serializer.NewCodecFactory(scheme)
	dir := apiFixtures(t)
	for _, fixture := range fixtures(t, dir) {
		for _, extension := range []string{"json", "yaml", "pb"} {
			file := fixture.file(dir, extension)
			t.Run(filepath.Join(fixture.release, filepath.Base(file)), func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				original, _, err := codecs.UniversalDeserializer().Decode(data, nil, nil)
				if err != nil {
					t.Fatalf("decoding: %v", err)
				}
				back := throughHub(t, scheme, original)
				if diff := cmp.Diff(original, back); diff != "" {
					t.Errorf("changed by the conversion to the hub type and back (-before +after):\n%s", diff)
				}
				if extension == "pb" {
					assertEncodesTo(t, protobuf.NewSerializer(scheme, scheme), back, data)
				}
			})
		}
	}
}

// throughHub converts a versioned object to the hub and back.
func throughHub(t *testing.T, scheme *runtime.Scheme, original runtime.Object) runtime.Object {
	t.Helper()
	hub := &events.Event{}
	if err := scheme.Convert(original.DeepCopyObject(), hub, nil); err != nil {
		t.Fatalf("converting to the hub: %v", err)
	}
	if hub.Note == "" || hub.Regarding.Name == "" || hub.DeprecatedCount == 0 {
		t.Fatalf("the hub object lacks fields that every fixture sets: %+v", hub)
	}
	kind := original.GetObjectKind().GroupVersionKind()
	back, err := scheme.New(kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := scheme.Convert(hub, back, nil); err != nil {
		t.Fatalf("converting from the hub: %v", err)
	}
	back.GetObjectKind().SetGroupVersionKind(kind)
	return back
}

func assertEncodesTo(t *testing.T, encoder runtime.Encoder, obj runtime.Object, want []byte) {
	t.Helper()
	got, err := runtime.Encode(encoder, obj)
	if err != nil {
		t.Fatalf("encoding: %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("encoded to %d bytes that differ from the fixture's %d", len(got), len(want))
	}
}
