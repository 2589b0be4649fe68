// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// A snapshot is a tar file. The first file in it says what it is; then come those
// of the data directory; the last one has the checksums of all others, in the
// form of the program sha256sum. Without that one a snapshot is not whole.
const (
	snapshotHeader = "snapshot.json"
	snapshotSums   = "SHA256SUMS"

	// What is read into memory of these two.
	maxHeaderBytes = 1 << 20
	maxSumsBytes   = 64 << 20
)

// archiveWriter writes a snapshot.
type archiveWriter struct {
	tar  *tar.Writer
	time time.Time
	sums strings.Builder
}

func beginArchive(w io.Writer, info SnapshotInfo) (*archiveWriter, error) {
	a := &archiveWriter{tar: tar.NewWriter(w), time: info.Time}
	header, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", snapshotHeader, err)
	}
	header = append(header, '\n')
	err = a.add(snapshotHeader, int64(len(header)), bytes.NewReader(header))
	return a, err
}

// add adds a file of just that size.
func (a *archiveWriter) add(name string, size int64, content io.Reader) error {
	sum := sha256.New()
	if err := a.put(name, size, io.TeeReader(content, sum)); err != nil {
		return err
	}
	fmt.Fprintln(&a.sums, sumLine(sum, name))
	return nil
}

func (a *archiveWriter) put(name string, size int64, content io.Reader) error {
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

// end adds the checksums.
func (a *archiveWriter) end() error {
	sums := a.sums.String()
	if err := a.put(snapshotSums, int64(len(sums)), strings.NewReader(sums)); err != nil {
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

// archiveReader reads a snapshot. What it reads is not to be trusted before
// readArchive has returned without error.
type archiveReader struct {
	from *countingReader
	tar  *tar.Reader
	sums strings.Builder
	seen map[string]bool
}

// readArchive reads a snapshot to its end and puts its files where create says.
// It returns ErrSnapshot when the snapshot is not whole, and ErrNewerFormat before
// the first file when this build cannot read it.
func readArchive(r io.Reader, create func(name string) (io.WriteCloser, error)) (SnapshotInfo, error) {
	from := &countingReader{r: r}
	a := &archiveReader{from: from, tar: tar.NewReader(from), seen: map[string]bool{}}
	info, err := a.header()
	if err != nil {
		return SnapshotInfo{}, err
	}
	for {
		header, err := a.next()
		if err != nil {
			return SnapshotInfo{}, err
		}
		if header.Name == snapshotSums {
			return info, a.finish(header.Size)
		}
		if err := a.file(header.Name, create); err != nil {
			return SnapshotInfo{}, err
		}
	}
}

func (a *archiveReader) header() (SnapshotInfo, error) {
	first, err := a.tar.Next()
	if err != nil || first.Name != snapshotHeader || first.Size > maxHeaderBytes {
		return SnapshotInfo{}, fmt.Errorf("%w: it does not begin as a snapshot of events-apiserver does", ErrSnapshot)
	}
	sum := sha256.New()
	content, err := io.ReadAll(io.TeeReader(a.tar, sum))
	if err != nil {
		return SnapshotInfo{}, broken(err)
	}
	fmt.Fprintln(&a.sums, sumLine(sum, first.Name))
	a.seen[first.Name] = true
	var info SnapshotInfo
	if err := json.Unmarshal(content, &info); err != nil || info.SnapshotFormat < 1 || info.Format < 1 {
		return SnapshotInfo{}, fmt.Errorf("%w: %s cannot be read", ErrSnapshot, snapshotHeader)
	}
	if info.SnapshotFormat > SnapshotFormat {
		return SnapshotInfo{}, fmt.Errorf("%w: the snapshot has format %d, this build knows up to %d; restore it with the version that made it",
			ErrNewerFormat, info.SnapshotFormat, SnapshotFormat)
	}
	return info, knownFormat("the snapshot's data directory", info.Format)
}

// next returns the next file, which may be one of the data directory or the
// checksums.
func (a *archiveReader) next() (*tar.Header, error) {
	header, err := a.tar.Next()
	if err != nil {
		return nil, broken(err)
	}
	if header.Typeflag != tar.TypeReg || a.seen[header.Name] || header.Name != snapshotSums && !mayBeInSnapshot(header.Name) {
		return nil, fmt.Errorf("%w: %q is not a file of a snapshot", ErrSnapshot, header.Name)
	}
	a.seen[header.Name] = true
	return header, nil
}

func (a *archiveReader) file(name string, create func(name string) (io.WriteCloser, error)) error {
	file, err := create(name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	// Whose error it is decides what is said about it.
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

// tarEnd is how many zero bytes end a tar file, tarBlock what all sizes in it are
// rounded up to.
const (
	tarEnd   = 1024
	tarBlock = 512
)

// finish compares the checksums, and sees that the file ends there.
func (a *archiveReader) finish(size int64) error {
	if size > maxSumsBytes {
		return fmt.Errorf("%w: %s is too large", ErrSnapshot, snapshotSums)
	}
	stated, err := io.ReadAll(a.tar)
	if err != nil {
		return broken(err)
	}
	if string(stated) != a.sums.String() {
		return fmt.Errorf("%w: it is damaged: %s", ErrSnapshot, firstDifference(string(stated), a.sums.String()))
	}
	if !a.seen[markerName] {
		return fmt.Errorf("%w: it has no file %s", ErrSnapshot, markerName)
	}
	read := a.from.n
	if _, err := a.tar.Next(); err == nil {
		return fmt.Errorf("%w: something follows its end", ErrSnapshot)
	} else if err != io.EOF {
		return broken(err)
	}
	padding := (tarBlock - size%tarBlock) % tarBlock
	if a.from.n != read+padding+tarEnd {
		return broken(io.ErrUnexpectedEOF)
	}
	if n, err := a.from.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // as io.Reader has it
		return fmt.Errorf("%w: something follows its end", ErrSnapshot)
	}
	return nil
}

// firstDifference names the first file whose checksum is another one.
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

// broken is for a snapshot that cannot be read on.
func broken(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // as io.Reader has it
		return fmt.Errorf("%w: it is cut off", ErrSnapshot)
	}
	return fmt.Errorf("%w: %w", ErrSnapshot, err)
}

// countingReader counts what was read and remembers the error that ended it.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

// Read reads on.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
