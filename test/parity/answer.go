// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// answer is what came back for one request.
type answer struct {
	status int
	header http.Header
	// style is how the body is written, apart from its meaning: how
	// it is indented, whether decoding and encoding it again changes it.
	style string
	body  any
}

func newAnswer(response *http.Response, raw []byte) (*answer, error) {
	a := &answer{status: response.StatusCode, header: response.Header}
	if response.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gunzip(raw)
		if err != nil {
			return nil, err
		}
		raw = unzipped
	}
	var err error
	a.style, a.body, err = readBody(response.Header.Get("Content-Type"), raw)
	return a, err
}

func gunzip(content []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("unzipping: %w", err)
	}
	result, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("unzipping: %w", err)
	}
	return result, nil
}

// readBody makes a JSON value of a body, of any type.
func readBody(contentType string, raw []byte) (style string, body any, err error) {
	if len(raw) == 0 {
		return "empty", nil, nil
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		mediaType = contentType
	}
	switch {
	case mediaType == protobufType:
		return readProtobuf(raw)
	case mediaType == "application/json":
		return readJSON(raw)
	case mediaType == "application/yaml":
		return readYAML(raw)
	case utf8.Valid(raw):
		return "text", string(raw), nil
	}
	return "bytes", hex.EncodeToString(raw), nil
}

func readJSON(raw []byte) (style string, body any, err error) {
	if err := json.Unmarshal(raw, &body); err != nil {
		return "broken JSON", string(raw), nil //nolint:nilerr // a broken body is an answer, too
	}
	return styleOfJSON(raw), body, nil
}

func styleOfJSON(raw []byte) string {
	var compact, indented bytes.Buffer
	if json.Compact(&compact, raw) != nil || json.Indent(&indented, raw, "", "  ") != nil {
		return "JSON"
	}
	end := "without a newline at the end"
	if bytes.HasSuffix(raw, []byte("\n")) {
		end = "with a newline at the end"
	}
	switch text := strings.TrimSuffix(string(raw), "\n"); text {
	case compact.String():
		return "compact JSON " + end
	case strings.TrimSuffix(indented.String(), "\n"):
		return "indented JSON " + end
	}
	return "JSON in another style " + end
}

func readYAML(raw []byte) (style string, body any, err error) {
	if err := yaml.Unmarshal(raw, &body); err != nil {
		return "broken YAML", string(raw), nil //nolint:nilerr // a broken body is an answer, too
	}
	return "YAML", body, nil
}
