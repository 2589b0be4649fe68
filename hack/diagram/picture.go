// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
)

// width is that of every picture, in pixels.
const width = 900

// picture is one SVG file.
type picture struct {
	// file is the name of the file.
	file string
	// title and description are the alternative text.
	title, description string
	// height is in pixels.
	height int
	draw   func(c *canvas)
}

func pictures() []picture {
	return []picture{dataPath(), embeddedStore()}
}

// svg returns the file's content.
func (p *picture) svg() []byte {
	var c canvas
	c.printf(head, width, p.height, escape(p.title), escape(p.description), arrowHeads(), width-1, p.height-1)
	p.draw(&c)
	c.printf("</svg>")
	return bytes.Clone(c.body.Bytes())
}

// arrow is a style of arrows.
type arrow struct{ class, color string }

func arrows() []arrow {
	return []arrow{{"events", "#1c6cb5"}, {"reads", "#2c7a4b"}, {"other", "#6b7785"}, {"back", "#a85a0c"}}
}

// arrowHeads defines the arrowhead of each style.
func arrowHeads() string {
	var heads bytes.Buffer
	for _, kind := range arrows() {
		fmt.Fprintf(&heads, marker, kind.class, kind.color)
	}
	return heads.String()
}
