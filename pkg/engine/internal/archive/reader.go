// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrInvalid is returned for a file that is no archive, or an incomplete one.
var ErrInvalid = errors.New("not a whole snapshot")

const (
	// maxHeaderBytes and maxSumsBytes bound what is read into memory of the two.
	maxHeaderBytes = 1 << 20
	maxSumsBytes   = 64 << 20

	// tarEnd is how many zero bytes end a tar file, tarBlock what all sizes in it are
	// rounded up to.
	tarEnd   = 1024
	tarBlock = 512
)

// Contents is what the caller of Read knows of the archive.
type Contents struct {
	// Header is called with the first file, before all others. Its error ends the
	// reading and is returned as it is.
	Header func(content []byte) error
	// Allowed reports whether an archive may have a file of the name.
	Allowed func(name string) bool
	// Required is a file that an archive must have.
	Required string
	// Create returns the place for the content of a file.
	Create func(name string) (io.WriteCloser, error)
}

// Read reads an archive to its end. What it has read must not be used before it has
// returned without error. It returns ErrInvalid for an archive that is not whole,
// and the errors of the callbacks.
func Read(r io.Reader, contents Contents) error {
	from := &countingReader{r: r}
	a := &reader{Contents: contents, from: from, tar: tar.NewReader(from), seen: map[string]bool{}}
	if err := a.header(); err != nil {
		return err
	}
	for {
		header, err := a.next()
		if err != nil {
			return err
		}
		if header.Name == SumsName {
			return a.finish(header.Size)
		}
		if err := a.file(header.Name); err != nil {
			return err
		}
	}
}

type reader struct {
	Contents
	from *countingReader
	tar  *tar.Reader
	sums strings.Builder
	seen map[string]bool
}

func (a *reader) header() error {
	first, err := a.tar.Next()
	if err != nil || first.Name != HeaderName || first.Size > maxHeaderBytes {
		return fmt.Errorf("%w: it does not begin as a snapshot of events-apiserver does", ErrInvalid)
	}
	sum := sha256.New()
	content, err := io.ReadAll(io.TeeReader(a.tar, sum))
	if err != nil {
		return broken(err)
	}
	fmt.Fprintln(&a.sums, sumLine(sum, first.Name))
	a.seen[first.Name] = true
	return a.Header(content)
}

// next returns the next file, which may be the checksums.
func (a *reader) next() (*tar.Header, error) {
	header, err := a.tar.Next()
	if err != nil {
		return nil, broken(err)
	}
	if header.Typeflag != tar.TypeReg || a.seen[header.Name] || header.Name != SumsName && !a.Allowed(header.Name) {
		return nil, fmt.Errorf("%w: %q is not a file of a snapshot", ErrInvalid, header.Name)
	}
	a.seen[header.Name] = true
	return header, nil
}

func (a *reader) file(name string) error {
	file, err := a.Create(name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	// An error of the archive and one of the file are different errors.
	content := &countingReader{r: io.TeeReader(a.tar, sum)}
	_, err = io.Copy(file, content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if content.err != nil {
		return broken(content.err)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	fmt.Fprintln(&a.sums, sumLine(sum, name))
	return nil
}

// finish compares the checksums, and checks that the file ends there.
func (a *reader) finish(size int64) error {
	if size > maxSumsBytes {
		return fmt.Errorf("%w: %s is too large", ErrInvalid, SumsName)
	}
	stated, err := io.ReadAll(a.tar)
	if err != nil {
		return broken(err)
	}
	if string(stated) != a.sums.String() {
		return fmt.Errorf("%w: it is damaged: %s", ErrInvalid, firstDifference(string(stated), a.sums.String()))
	}
	if !a.seen[a.Required] {
		return fmt.Errorf("%w: it has no file %s", ErrInvalid, a.Required)
	}
	read := a.from.n
	if _, err := a.tar.Next(); err == nil {
		return fmt.Errorf("%w: something follows its end", ErrInvalid)
	} else if err != io.EOF {
		return broken(err)
	}
	padding := (tarBlock - size%tarBlock) % tarBlock
	if a.from.n != read+padding+tarEnd {
		return broken(io.ErrUnexpectedEOF)
	}
	if n, err := a.from.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // as io.Reader has it
		return fmt.Errorf("%w: something follows its end", ErrInvalid)
	}
	return nil
}

// firstDifference names the first file whose checksum differs.
func firstDifference(stated, found string) string {
	lines := strings.Split(stated, "\n")
	for i, line := range strings.Split(found, "\n") {
		if i >= len(lines) || lines[i] != line {
			if _, name, ok := strings.Cut(line, "  "); ok {
				return "the checksum of " + name + " is another one"
			}
		}
	}
	return "a file is missing"
}

// broken is for an archive that cannot be read further.
func broken(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // as io.Reader has it
		return fmt.Errorf("%w: it is cut off", ErrInvalid)
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// countingReader counts what was read, and keeps the error that ended it.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
