// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// memory knows the values that a server chose itself while a case ran. Each is
// replaced by a label of its relation to the others: two servers choose
// different values, but the same relations.
type memory struct {
	uids     map[string]string
	names    map[string]string
	versions map[string]string
	newest   uint64
}

func newMemory(namespace string) *memory {
	return &memory{uids: map[string]string{}, names: map[string]string{namespace: "<namespace>"}, versions: map[string]string{}}
}

// uid labels by the order of appearance.
func (m *memory) uid(value string) string {
	if _, known := m.uids[value]; !known {
		m.uids[value] = fmt.Sprintf("<uid %d>", len(m.uids)+1)
	}
	return m.uids[value]
}

// name labels a name that the server generated from a prefix.
func (m *memory) name(value, prefix string) {
	if _, known := m.names[value]; !known {
		// The length of what was generated is no secret.
		m.names[value] = fmt.Sprintf("<%s and %d generated letters, %d>", prefix, len(value)-len(prefix), len(m.names))
	}
}

// objectVersion labels the resource version of an object by the order of
// appearance, and whether it was the newest then.
func (m *memory) objectVersion(value string) string {
	number, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return value // nothing that a server chose
	}
	if _, known := m.versions[value]; !known {
		label := fmt.Sprintf("<version %d", len(m.versions)+1)
		if number < m.newest {
			label += ", older than one before"
		}
		m.versions[value] = label + ">"
		m.newest = max(m.newest, number)
	}
	return m.versions[value]
}

// listVersion labels the resource version of a collection. Writes elsewhere in
// the store make it grow, so all that is certain is how it relates to the objects,
// and to the version that an exact list, or the token of a page, asked for.
func (m *memory) listVersion(value, exact, token string) string {
	number, err := strconv.ParseUint(value, 10, 64)
	switch {
	case err != nil:
		return value
	case value == exact:
		return "<as asked>"
	case value == token:
		return "<that of the first page>"
	case number >= m.newest && number != math.MaxUint64:
		return "<no older than any object>"
	}
	return "<older than an object>"
}

// text replaces what is known within a text.
func (m *memory) text(text string) string {
	for value, label := range m.uids {
		text = strings.ReplaceAll(text, value, label)
	}
	for value, label := range m.names {
		text = strings.ReplaceAll(text, value, label)
	}
	return text
}
