// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts returns the texts of the picture, with the center of each. It fails the
// test if the picture is not well-formed.
func texts(t *testing.T, picture []byte) map[string]point {
	t.Helper()
	found := map[string]point{}
	var at *point
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch element := token.(type) {
		case xml.StartElement:
			if element.Name.Local == "text" {
				at = &point{number(t, element, "x"), number(t, element, "y")}
			}
		case xml.CharData:
			if at != nil {
				found[string(element)] = *at
			}
		case xml.EndElement:
			at = nil
		}
	}
}

// number reads an attribute; rotated text has none.
func number(t *testing.T, element xml.StartElement, name string) int {
	t.Helper()
	for _, attribute := range element.Attr {
		if attribute.Name.Local == name {
			n, err := strconv.Atoi(attribute.Value)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

func TestPictures(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"data-path.svg": {
			"kube-scheduler", "kube-apiserver", "v1.events.k8s.io", "events-apiserver",
			"admission", "registry", "engine", "the cluster's etcd", "its data directory", "SubjectAccessReview",
		},
		"embedded-store.svg": {
			"writer", "3 one fsync", "publish", "change buffer", "WAL",
			"versions", "changes", "index", "expiry", "meta", "compaction, every 5 minutes",
		},
	}
	for _, p := range pictures() {
		t.Run(p.file, func(t *testing.T) {
			t.Parallel()
			found := texts(t, p.svg())
			for _, text := range want[p.file] {
				if _, ok := found[text]; !ok {
					t.Errorf("%q is not on the picture", text)
				}
			}
			checkPlaces(t, p.height, found)
		})
	}
}

// checkPlaces fails the test if a text leaves the picture or overlaps another. The
// width of a letter is estimated at 6 to 8 pixels.
func checkPlaces(t *testing.T, height int, found map[string]point) {
	t.Helper()
	const widest, usual, high = 8, 6, 12
	for text, at := range found {
		if at.x == 0 { // rotated
			continue
		}
		half := len([]rune(text)) * widest / 2
		if at.x < half || at.x+half > width || at.y < high || at.y > height {
			t.Errorf("%q at %v leaves the picture", text, at)
		}
		for other, there := range found {
			apart := len([]rune(text+other)) * usual / 2
			if other != text && max(at.x-there.x, there.x-at.x) < apart && max(at.y-there.y, there.y-at.y) < high {
				t.Errorf("%q at %v and %q at %v overlap", text, at, other, there)
			}
		}
	}
}

func TestPicturesAreDeterministic(t *testing.T) {
	t.Parallel()
	for i, p := range pictures() {
		if diff := cmp.Diff(p.svg(), pictures()[i].svg()); diff != "" {
			t.Errorf("two runs of %s differ:\n%s", p.file, diff)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	var c canvas
	c.text(point{1, 2}, "line", "a < b & c")
	if diff := cmp.Diff(map[string]point{"a < b & c": {1, 2}}, texts(t, c.body.Bytes()), cmp.AllowUnexported(point{})); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := run([]string{"--dir=" + dir}); err != nil {
		t.Fatal(err)
	}
	for _, p := range pictures() {
		written, err := os.ReadFile(filepath.Join(dir, p.file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written, p.svg()) {
			t.Errorf("%s is not the picture", p.file)
		}
	}
	if err := run([]string{"extra"}); err == nil || !strings.Contains(err.Error(), "extra") {
		t.Errorf("got error %v, want one that names the unexpected argument", err)
	}
}
