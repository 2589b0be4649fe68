// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// canvas collects the elements of an SVG file. Later elements cover earlier ones.
type canvas struct{ body bytes.Buffer }

// rect is an area of the canvas, in pixels from the upper left corner.
type rect struct{ x, y, w, h int }

func (r rect) right() int   { return r.x + r.w }
func (r rect) bottom() int  { return r.y + r.h }
func (r rect) centerX() int { return r.x + r.w/2 }
func (r rect) centerY() int { return r.y + r.h/2 }

type point struct{ x, y int }

// The distances between the lines of text in a box.
const (
	titleHeight = 18
	lineHeight  = 16
)

func (c *canvas) printf(format string, args ...any) { fmt.Fprintf(&c.body, format+"\n", args...) }

// box draws a rectangle with a title and smaller lines, centered as one block.
func (c *canvas) box(r rect, class, title string, lines ...string) {
	c.printf(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, class, r.x, r.y, r.w, r.h)
	c.block(r, title, lines)
}

// frame draws a rectangle that contains boxes. Its title is at the top, centered
// at titleX, where no arrow crosses it.
func (c *canvas) frame(r rect, class string, titleX int, title string) {
	c.printf(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="10"/>`, class, r.x, r.y, r.w, r.h)
	c.text(point{titleX, r.y + 24}, "name", title)
}

// cylinder draws a store.
func (c *canvas) cylinder(r rect, class, title string, lines ...string) {
	const depth = 9
	c.printf(`<path class="%s" d="M%d %d v%d a%d %d 0 0 0 %d 0 v%d a%d %d 0 0 0 -%d 0 a%d %d 0 0 0 %d 0"/>`,
		class, r.x, r.y+depth, r.h-2*depth, r.w/2, depth, r.w, -(r.h - 2*depth), r.w/2, depth, r.w, r.w/2, depth, r.w)
	c.block(rect{r.x, r.y + depth, r.w, r.h - depth}, title, lines)
}

// bar draws a tall narrow rectangle with vertical text.
func (c *canvas) bar(r rect, class, title string) {
	c.printf(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, class, r.x, r.y, r.w, r.h)
	c.printf(`<text class="line" transform="translate(%d %d) rotate(-90)">%s</text>`, r.centerX()+4, r.centerY(), escape(title))
}

func (c *canvas) block(r rect, title string, lines []string) {
	y := r.centerY() - (len(lines)*lineHeight)/2 + 5
	c.text(point{r.centerX(), y}, "title", title)
	for i, line := range lines {
		c.text(point{r.centerX(), y + titleHeight + i*lineHeight}, "line", line)
	}
}

// label writes small lines, centered at x, the first one at y.
func (c *canvas) label(at point, class string, lines ...string) {
	for i, line := range lines {
		c.text(point{at.x, at.y + i*lineHeight}, class, line)
	}
}

func (c *canvas) text(at point, class, text string) {
	c.printf(`<text class="%s" x="%d" y="%d">%s</text>`, class, at.x, at.y, escape(text))
}

// arrow draws a line through the points with an arrowhead at its end.
func (c *canvas) arrow(class string, through ...point) {
	var path strings.Builder
	for i, p := range through {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%d %d", command, p.x, p.y)
	}
	c.printf(`<path class="%s" marker-end="url(#%s-head)" d="%s"/>`, class, class, path.String())
}

func escape(text string) string {
	var escaped strings.Builder
	// Writes to a strings.Builder never fail.
	_ = xml.EscapeText(&escaped, []byte(text))
	return escaped.String()
}
