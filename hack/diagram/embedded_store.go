// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// embeddedStore shows the parts of the embedded store.
func embeddedStore() picture {
	return picture{
		file:  "embedded-store.svg",
		title: "The embedded store",
		description: "Writes go to one writer, which puts all waiting writes into one batch; after one fsync of the WAL they are published, " +
			"acknowledged and added to the change buffer, which serves watches. Rows in Pebble hold versions, changes, index entries, " +
			"deadlines and metadata. Gets and lists read versions at one revision, through an index if possible. Expiry deletes " +
			"through the writer; compaction removes revisions below the compact revision.",
		height: 712,
		draw:   drawEmbeddedStore,
	}
}

// storeLayout has the position of each part: callers at the top, below them the
// engine, the data directory, and the background work.
type storeLayout struct {
	callers, watchers, readers               rect
	engine                                   rect
	writer, publish, buffer, read            rect
	directory, wal, rows                     rect
	expiries, meta, changes, versions, index rect
	expiry, compaction                       rect
}

func newStoreLayout() storeLayout {
	row := func(x, w int) rect { return rect{x, 488, w, 70} }
	return storeLayout{
		callers:  rect{48, 20, 338, 62},
		watchers: rect{432, 20, 168, 62},
		readers:  rect{640, 20, 216, 62},

		engine:  rect{32, 122, 840, 152},
		writer:  rect{48, 166, 158, 90},
		publish: rect{242, 166, 144, 90},
		buffer:  rect{432, 166, 168, 90},
		read:    rect{640, 166, 216, 90},

		directory: rect{32, 326, 840, 256},
		wal:       rect{48, 370, 338, 46},
		rows:      rect{40, 446, 824, 124},
		expiries:  row(52, 146),
		meta:      row(210, 146),
		changes:   row(432, 168),
		versions:  row(612, 120),
		index:     row(744, 112),

		expiry:     rect{52, 622, 334, 70},
		compaction: rect{432, 622, 424, 70},
	}
}

func drawEmbeddedStore(c *canvas) {
	l := newStoreLayout()
	drawStoreBoxes(c, l)
	drawWrites(c, l)
	drawReads(c, l)
	drawBackground(c, l)
}

func drawStoreBoxes(c *canvas, l storeLayout) {
	c.box(l.callers, "client", "create, update, delete", "from any number of callers at once")
	c.box(l.watchers, "client", "watch", "every change, in order")
	c.box(l.readers, "client", "get, list", "page by page")

	c.frame(l.engine, "ours", l.wal.centerX(), "engine")
	c.box(l.writer, "ourpart", "writer", "checks preconditions,", "assigns revisions")
	c.box(l.publish, "ourpart", "publish", "makes revisions", "visible, in order")
	c.box(l.buffer, "ourpart", "change buffer", "recent from memory,", "older from disk")
	c.box(l.read, "ourpart", "read at a revision", "a list is a consistent", "snapshot of the store")

	c.frame(l.directory, "host", l.wal.centerX(), "data directory")
	c.box(l.wal, "part", "WAL", "recent writes; replayed after a crash")
	c.frame(l.rows, "part", l.wal.centerX(), "rows in memtable and sstables")
	c.box(l.expiries, "part", "expiry", "deadline → key")
	c.box(l.meta, "part", "meta", "compact revision,", "counters, index list")
	c.box(l.changes, "part", "changes", "revision → key")
	c.box(l.versions, "part", "versions", "key, revision", "→ value")
	c.box(l.index, "part", "index", "field's value", "→ key")

	c.box(l.expiry, "client", "expiry, every second", "finds events past their deadline, and deletes", "them through the writer, 256 at a time")
	c.box(l.compaction, "client", "compaction, every 5 minutes", "raises the compact revision, then removes below it: replaced", "versions, changes, index entries that no version needs")
}

// drawWrites draws the path of a write, with the numbers of the steps in the text.
func drawWrites(c *canvas, l storeLayout) {
	c.arrow("events", point{l.writer.centerX(), l.callers.bottom()}, point{l.writer.centerX(), l.writer.y})
	c.label(point{l.writer.centerX() + 42, l.callers.bottom() + 24}, "eventstext", "1 writes")
	c.arrow("events", point{l.writer.centerX(), l.writer.bottom()}, point{l.writer.centerX(), l.wal.y})
	c.label(point{l.writer.centerX() + 54, l.engine.bottom() + 31}, "eventstext", "2 one batch")
	c.arrow("events", point{l.publish.centerX(), l.wal.y}, point{l.publish.centerX(), l.publish.bottom()})
	c.label(point{l.publish.centerX() + 50, l.engine.bottom() + 31}, "eventstext", "3 one fsync")
	c.arrow("events", point{l.publish.centerX(), l.publish.y}, point{l.publish.centerX(), l.callers.bottom()})
	c.label(point{l.publish.centerX() + 50, l.callers.bottom() + 24}, "eventstext", "4 answers")
	c.arrow("events", point{l.publish.right(), l.publish.centerY()}, point{l.buffer.x, l.publish.centerY()})
	c.arrow("events", point{l.wal.centerX(), l.wal.bottom()}, point{l.wal.centerX(), l.rows.y})
}

func drawReads(c *canvas, l storeLayout) {
	c.arrow("reads", point{l.buffer.centerX(), l.buffer.y}, point{l.buffer.centerX(), l.watchers.bottom()})
	c.arrow("reads", point{l.changes.centerX(), l.changes.y}, point{l.changes.centerX(), l.buffer.bottom()})
	c.label(point{(l.changes.centerX() + l.versions.centerX()) / 2, l.engine.bottom() + 24}, "readstext", "watches that", "begin in the past")
	c.arrow("reads", point{l.read.centerX(), l.read.y}, point{l.read.centerX(), l.readers.bottom()})
	for _, row := range []rect{l.versions, l.index} {
		c.arrow("reads", point{row.centerX(), row.y}, point{row.centerX(), l.read.bottom()})
	}
	c.label(point{(l.versions.centerX() + l.index.centerX()) / 2, l.engine.bottom() + 24}, "readstext", "by an index,", "if one helps")
}

func drawBackground(c *canvas, l storeLayout) {
	c.arrow("back", point{l.expiries.centerX(), l.expiries.bottom()}, point{l.expiries.centerX(), l.expiry.y})
	const margin = 16
	c.arrow("back", point{l.expiry.x, l.expiry.centerY()}, point{margin, l.expiry.centerY()}, point{margin, l.writer.centerY()}, point{l.writer.x, l.writer.centerY()})
	for _, row := range []rect{l.changes, l.versions, l.index} {
		c.arrow("back", point{row.centerX(), l.compaction.y}, point{row.centerX(), row.bottom()})
	}
}
