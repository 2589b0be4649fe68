// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"
)

// row is one line of the table.
type row struct {
	work string
	// embedded and etcd are what was measured; ratio is how many times better
	// the first is.
	embedded, etcd, ratio string
	// reach is the figure to reach, empty for none, and reached whether it was.
	reach   string
	reached bool
}

func (r row) missed() bool { return r.reach != "" && !r.reached }

func (r row) verdict() string {
	switch {
	case r.missed():
		return "**missed**"
	case r.reached:
		return "reached"
	default:
		return ""
	}
}

type report struct{ rows []row }

func (r *report) add(one row) { r.rows = append(r.rows, one) }

// write writes the table in Markdown.
func (r *report) write(out io.Writer) {
	fmt.Fprintln(out, "| work | embedded | etcd3 | ratio | to reach | |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- |")
	for _, one := range r.rows {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", one.work, one.embedded, orNone(one.etcd), orNone(one.ratio), orNone(one.reach), one.verdict())
	}
}

func orNone(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func perSecond(rate float64) string { return fmt.Sprintf("%.0f/s", rate) }

func micros(d time.Duration) string {
	return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", inMillis(d)) }

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }

func kilobytes(bytes float64) string { return fmt.Sprintf("%.1f kB", bytes/1e3) }

func times(ratio float64) string { return fmt.Sprintf("%.1f", ratio) }

// faster is how many times shorter a is than b.
func faster(a, b time.Duration) float64 {
	if a <= 0 {
		return 0
	}
	return float64(b) / float64(a)
}
