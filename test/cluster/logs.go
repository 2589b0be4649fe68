// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// logTailBytes bounds what is read of a log that may be very long.
const logTailBytes = 64 << 10

// lastLines returns the last count lines of a file.
func lastLines(path string, count int) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening a log: %w", err)
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return "", fmt.Errorf("finding the end of a log: %w", err)
	}
	offset := max(0, size-logTailBytes)
	data, err := io.ReadAll(io.NewSectionReader(file, offset, size-offset))
	if err != nil {
		return "", fmt.Errorf("reading the end of a log: %w", err)
	}
	lines := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	lines = lines[max(0, len(lines)-count):]
	return string(bytes.Join(lines, []byte("\n"))), nil
}
