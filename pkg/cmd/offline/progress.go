// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// figure writes a number for people: 1234567 is 1,234,567.
func figure[T int64 | uint64](n T) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// size writes a number of bytes for people: 1536 is 1.5 KiB.
func size(bytes int64) string {
	value, units := float64(bytes), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for value >= 1024 && len(units) > 1 {
		value, units = value/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}

// since writes how long something took.
func since(begun time.Time) string {
	took := time.Since(begun)
	if took < time.Second {
		return took.Round(time.Millisecond).String()
	}
	return took.Round(100 * time.Millisecond).String()
}

// progressEvery is how often the progress of long work is printed.
const progressEvery = 3 * time.Second

// progress prints now and then how far long work is.
type progress struct {
	out  io.Writer
	last time.Time
}

func newProgress(out io.Writer) *progress { return &progress{out: out, last: time.Now()} }

// report is called often and writes rarely.
func (p *progress) report(format string, args ...any) {
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// countedReader reports the progress of reading.
type countedReader struct {
	io.Reader
	n      int64
	report func(n int64)
}

// Read reads on.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.report(c.n)
	return n, err
}

// countedWriter reports the progress of writing.
type countedWriter struct {
	io.Writer
	n      int64
	report func(n int64)
}

// Write writes on.
func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	c.report(c.n)
	return n, err
}
