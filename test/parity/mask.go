// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// masking replaces in answers what two servers cannot have in common.
type masking struct {
	memory *memory
	now    func() time.Time
	// exact is the resource version that an exact list asked for.
	exact string
	// asked is the resource version that the request names.
	asked string
	// token is the resource version in the request's continue token.
	token string
	// collection is set if the request is for a collection. A table does not show that.
	collection bool
	// sent is all that the client sent: numbers in it are not the server's choice.
	sent string
	// generateName is that of the event that was sent.
	generateName string
}

// mask replaces in a body. It changes its argument.
func (m *masking) mask(tree any) any {
	switch t := tree.(type) {
	case string:
		return m.text(t)
	case []any:
		for i := range t {
			t[i] = m.mask(t[i])
		}
	case map[string]any:
		m.maskObject(t)
	}
	return tree
}

// maskObject visits the keys in a fixed order, because labels are assigned in the order of
// appearance. Metadata comes first, as it has the generated names;
// that of a collection comes last, as its version is told from those of the objects.
func (m *masking) maskObject(object map[string]any) {
	m.learnFromDetails(object)
	sortConflicts(object)
	if object["type"] == "ERROR" {
		maskRetry(object["object"])
	}
	meta, _ := object["metadata"].(map[string]any)
	collection := m.isCollection(object)
	if !collection {
		m.maskMeta(meta, false)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if key == "object" && object["type"] == "BOOKMARK" {
			m.maskBookmark(object[key])
			continue
		}
		if key != "metadata" {
			object[key] = m.mask(object[key])
		}
	}
	if collection {
		m.maskMeta(meta, true)
	}
}

// learnFromDetails finds the name of an event that was refused, and the uid of one
// that was not shown before.
func (m *masking) learnFromDetails(status map[string]any) {
	const generated, longestPrefix = 5, 58
	details, _ := status["details"].(map[string]any)
	if uid, ok := details["uid"].(string); ok {
		m.memory.uid(uid)
	}
	name, _ := details["name"].(string)
	prefix := m.generateName[:min(len(m.generateName), longestPrefix)]
	if prefix != "" && len(name) == len(prefix)+generated && strings.HasPrefix(name, prefix) {
		m.memory.name(name, prefix)
	}
}

// sortConflicts orders the causes of a conflict between managers: their order is
// that of a Go map, another one each time.
func sortConflicts(status map[string]any) {
	details, _ := status["details"].(map[string]any)
	causes, _ := details["causes"].([]any)
	if status["reason"] == "Conflict" {
		slices.SortFunc(causes, func(a, b any) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
	}
}

// maskRetry replaces after how long to watch again at a version that is not there
// yet: a server chooses from one to three seconds each time, by chance.
func maskRetry(status any) {
	tree, _ := status.(map[string]any)
	details, _ := tree["details"].(map[string]any)
	if after := fmt.Sprint(details["retryAfterSeconds"]); after == "1" || after == "2" || after == "3" {
		details["retryAfterSeconds"] = "<1 to 3>"
	}
}

func (m *masking) isCollection(object map[string]any) bool {
	kind, _ := object["kind"].(string)
	_, hasItems := object["items"]
	return hasItems || strings.HasSuffix(kind, "List") || kind == "Table" && m.collection
}

func (m *masking) maskBookmark(object any) {
	tree, _ := object.(map[string]any)
	if meta, ok := tree["metadata"].(map[string]any); ok {
		m.maskMeta(meta, true)
	}
}

func (m *masking) maskMeta(meta map[string]any, collection bool) {
	if prefix, ok := meta["generateName"].(string); ok {
		name, _ := meta["name"].(string)
		if rest, cut := strings.CutPrefix(name, prefix); cut && rest != "" {
			m.memory.name(name, prefix)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		meta[key] = m.maskMetaValue(key, meta[key], collection)
	}
}

func (m *masking) maskMetaValue(key string, value any, collection bool) any {
	text, isText := value.(string)
	switch {
	case key == "managedFields":
		return m.maskManagedFields(value)
	case !isText:
		return m.mask(value)
	case key == "uid":
		return m.memory.uid(text)
	case key == "resourceVersion" && collection:
		return m.memory.listVersion(text, m.exact, m.token)
	case key == "resourceVersion":
		return m.memory.objectVersion(text)
	case key == "creationTimestamp", key == "deletionTimestamp":
		return m.time(text)
	case key == "continue":
		return openToken(text)
	}
	return m.mask(value)
}

// maskManagedFields also sorts the entries: their order depends on the second in
// which each was made.
func (m *masking) maskManagedFields(value any) any {
	entries, ok := value.([]any)
	if !ok {
		return value
	}
	for _, entry := range entries {
		if fields, ok := entry.(map[string]any); ok {
			if text, ok := fields["time"].(string); ok {
				fields["time"] = m.time(text)
			}
		}
	}
	slices.SortFunc(entries, func(a, b any) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return entries
}

// recent is longer than a run of all cases takes.
const recent = time.Hour

// time replaces the present time, not one that a client sent.
func (m *masking) time(text string) string {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	if age := m.now().Sub(parsed); age > recent || age < -recent {
		return text
	}
	return "<now>"
}

// openToken shows what is in a continue token: but for the resource version, it
// is compared.
func openToken(text string) any {
	if text == "" {
		return text
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return text
	}
	var content map[string]any
	if err := json.Unmarshal(decoded, &content); err != nil {
		return text
	}
	if version, ok := content["rv"].(float64); ok && version > 0 {
		content["rv"] = "<version>"
	}
	// Whether the place to go on from begins with a slash is between a store
	// and itself.
	if start, ok := content["start"].(string); ok {
		content["start"] = strings.TrimPrefix(start, "/")
	}
	return content
}

// text replaces within a message. It may quote an object.
func (m *masking) text(text string) string {
	for _, uid := range uidInMessage().FindAllString(text, -1) {
		if !strings.Contains(m.sent, uid) {
			m.memory.uid(uid)
		}
	}
	text = m.memory.text(text)
	text = timeInMessage().ReplaceAllStringFunc(text, m.time)
	return versionInMessage().ReplaceAllStringFunc(text, func(match string) string {
		at := strings.LastIndexFunc(match, func(r rune) bool { return (r < '0' || r > '9') && r != '-' }) + 1
		before, number := match[:at], match[at:]
		// What is current in the store may by chance be an object's.
		if label, known := m.memory.versions[number]; known && !strings.HasPrefix(match, "current") {
			return before + label
		}
		if number == m.asked {
			return before + "<the one asked for>"
		}
		if regexp.MustCompile(`(^|[^-0-9])` + number + `([^0-9]|$)`).MatchString(m.sent) {
			return match
		}
		return before + "<version>"
	})
}

// uidInMessage finds the uids of objects that were not shown before.
func uidInMessage() *regexp.Regexp {
	return regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
}

func timeInMessage() *regexp.Regexp {
	return regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z`)
}

// versionInMessage finds resource versions in the messages of the storage layer.
func versionInMessage() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(resource ?version[^0-9\n]{0,40}?|current: |too old: |\()-?[0-9]+\b`)
}
