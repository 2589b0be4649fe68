// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// HeaderName and SumsName are the first and the last file of an archive.
const (
	HeaderName = "snapshot.json"
	SumsName   = "SHA256SUMS"
)

// Writer writes an archive.
type Writer struct {
	tar  *tar.Writer
	time time.Time
	sums strings.Builder
}

// NewWriter begins an archive with the header, which is JSON of at most 1 MiB. All
// files in it get the time.
func NewWriter(w io.Writer, at time.Time, header []byte) (*Writer, error) {
	a := &Writer{tar: tar.NewWriter(w), time: at}
	err := a.Add(HeaderName, int64(len(header)), bytes.NewReader(header))
	return a, err
}

// Add adds a file of exactly size bytes.
func (a *Writer) Add(name string, size int64, content io.Reader) error {
	sum := sha256.New()
	if err := a.put(name, size, io.TeeReader(content, sum)); err != nil {
		return err
	}
	fmt.Fprintln(&a.sums, sumLine(sum, name))
	return nil
}

func (a *Writer) put(name string, size int64, content io.Reader) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.time.Truncate(time.Second)}
	if err := a.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	copied, err := io.Copy(a.tar, content)
	if err == nil && copied < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", name, err)
	}
	return nil
}

// Close adds the checksums, without which an archive is incomplete.
func (a *Writer) Close() error {
	sums := a.sums.String()
	if err := a.put(SumsName, int64(len(sums)), strings.NewReader(sums)); err != nil {
		return err
	}
	if err := a.tar.Close(); err != nil {
		return fmt.Errorf("writing the end: %w", err)
	}
	return nil
}

func sumLine(sum hash.Hash, name string) string {
	return hex.EncodeToString(sum.Sum(nil)) + "  " + name
}
