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

// texts returns the words on the picture, with where each is centered. It fails
// the test when the picture is not well-formed.
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

// number reads an attribute; text that is turned by transform has none.
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

func TestDataPath(t *testing.T) {
	t.Parallel()
	found := texts(t, dataPath())
	for _, text := range []string{
		"kube-scheduler", "kube-apiserver", "v1.events.k8s.io", "events-apiserver",
		"admission", "registry", "the cluster's etcd", "its own etcd", "SubjectAccessReview",
	} {
		if _, ok := found[text]; !ok {
			t.Errorf("%q is not on the picture", text)
		}
	}
	// A character of the widest usual font is about 0.65 of its size wide.
	const characterWidth = 8
	for text, at := range found {
		half := len(text) * characterWidth / 2
		if at.x != 0 && (at.x < half || at.x+half > width || at.y > height) {
			t.Errorf("%q at %v leaves the picture", text, at)
		}
	}
}

func TestDataPathIsDeterministic(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(dataPath(), dataPath()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
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
	file := filepath.Join(t.TempDir(), "picture.svg")
	if err := run([]string{"--output=" + file}); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, dataPath()) {
		t.Error("the file is not the picture")
	}
	if err := run([]string{"extra"}); err == nil || !strings.Contains(err.Error(), "extra") {
		t.Errorf("got error %v, want one that names the unexpected argument", err)
	}
}
