// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// normal replaces in what one cluster shows that which two clusters cannot have
// in common: uids, resource versions, generated names, the present time. What
// stands for them is the same on each cluster when the same happened there.
// Its methods may be called from several goroutines.
type normal struct {
	mu sync.Mutex
	// uids are the uids that each event name had, in the order of appearance.
	uids map[string][]string
	// names are what stands for the generated names.
	names map[string]string
	now   func() time.Time
}

func newNormal() *normal {
	return &normal{uids: map[string][]string{}, names: map[string]string{}, now: time.Now}
}

// generated tells that a name was made by a server, and what stands for it.
func (n *normal) generated(name, standIn string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = standIn
}

// event returns a copy of an event without what clusters cannot have in common.
// With exact the uid and the creation time stay: two views of one cluster have
// them in common. What is empty counts as absent.
func (n *normal) event(event tree, exact bool) tree {
	n.mu.Lock()
	defer n.mu.Unlock()
	result := withoutEmpty(event)
	meta, _ := result["metadata"].(tree)
	if meta == nil {
		return result
	}
	delete(meta, "managedFields")
	delete(meta, "resourceVersion")
	name, _ := meta["name"].(string)
	if exact {
		return result
	}
	if uid, ok := meta["uid"].(string); ok {
		meta["uid"] = n.uid(name, uid)
	}
	if standIn, ok := n.names[name]; ok {
		meta["name"] = standIn
	}
	for _, key := range []string{"creationTimestamp", "deletionTimestamp"} {
		if text, ok := meta[key].(string); ok {
			meta[key] = n.time(text)
		}
	}
	return result
}

func (n *normal) uid(name, uid string) string {
	if !slices.Contains(n.uids[name], uid) {
		n.uids[name] = append(n.uids[name], uid)
	}
	return fmt.Sprintf("<uid %d>", slices.Index(n.uids[name], uid)+1)
}

// recent is longer than a run takes.
const recent = 3 * time.Hour

func (n *normal) time(text string) string {
	parsed, err := time.Parse(time.RFC3339, text)
	if err == nil && n.now().Sub(parsed).Abs() < recent {
		return "<now>"
	}
	return text
}

// message replaces in what a server says to a person.
func (n *normal) message(text string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, standIn := range n.names {
		text = strings.ReplaceAll(text, name, standIn)
	}
	text = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`).ReplaceAllString(text, "<uid>")
	text = regexp.MustCompile(`(ResourceVersion in (?:object meta: |record \())[0-9]+`).ReplaceAllString(text, "${1}<version>")
	text = regexp.MustCompile(`Key: /[^,]*/`).ReplaceAllString(text, "Key: <root>/")
	return regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(Z| \+0000 UTC)`).ReplaceAllString(text, "<time>")
}

// list is a list's events, in the order of their names.
func (n *normal) list(items []tree, exact bool) []tree {
	result := make([]tree, 0, len(items))
	for _, item := range items {
		result = append(result, n.event(item, exact))
	}
	slices.SortFunc(result, func(a, b tree) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return result
}

// answer is what a server said to a request.
func (n *normal) answer(a answer) tree {
	result := tree{"code": a.code}
	if a.body == nil {
		return result
	}
	if a.body["kind"] != "Status" {
		if items, ok := a.body["items"].([]any); ok {
			// The items of a collection that was deleted.
			result["items"] = n.list(trees(items), false)
			return result
		}
		result["object"] = n.event(a.body, false)
		return result
	}
	status := withoutEmpty(a.body)
	for _, key := range []string{"status", "reason", "details"} {
		if value, ok := status[key]; ok {
			result[key] = value
		}
	}
	if message, ok := status["message"].(string); ok {
		result["message"] = n.message(message)
	}
	if details, ok := result["details"].(tree); ok {
		n.details(details)
	}
	if result["reason"] == "Invalid" {
		bareInvalid(result)
	}
	return result
}

func (n *normal) details(details tree) {
	delete(details, "uid")
	if name, ok := details["name"].(string); ok {
		details["name"] = n.message(name)
	}
	causes, _ := details["causes"].([]any)
	for _, cause := range trees(causes) {
		if message, ok := cause["message"].(string); ok {
			cause["message"] = n.message(message)
		}
	}
	// The order of conflicts is that of a Go map.
	slices.SortFunc(causes, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// bareInvalid reduces what is wrong with an event to the fields and how they are
// wrong. The built-in calls the fields as core/v1 does whatever was asked, and
// ours as the client did; which words are said is compared elsewhere.
func bareInvalid(status tree) {
	delete(status, "message")
	details, _ := status["details"].(tree)
	causes, _ := details["causes"].([]any)
	for _, cause := range trees(causes) {
		delete(cause, "message")
		if field, ok := cause["field"].(string); ok {
			cause["field"] = coreField(field)
		}
	}
	slices.SortFunc(causes, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// coreField is what core/v1 calls a field, or one below it.
func coreField(field string) string {
	first, rest, below := strings.Cut(field, ".")
	if name, ok := coreNames()[first]; ok {
		first = name
	}
	if below {
		return first + "." + rest
	}
	return first
}

func nameOf(event tree) string {
	meta, _ := event["metadata"].(tree)
	name, _ := meta["name"].(string)
	return name
}

// trees are the objects in a list.
func trees(items []any) []tree {
	result := make([]tree, 0, len(items))
	for _, item := range items {
		if object, ok := item.(tree); ok {
			result = append(result, object)
		}
	}
	return result
}

// withoutEmpty copies, and leaves out what is null or empty: the two APIs write
// what is empty as null, as "", as {}, or leave it out.
func withoutEmpty(object tree) tree {
	result := tree{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch value := object[key].(type) {
		case nil:
		case string:
			if value != "" {
				result[key] = value
			}
		case tree:
			if inner := withoutEmpty(value); len(inner) > 0 {
				result[key] = inner
			}
		case []any:
			copied := make([]any, 0, len(value))
			for _, each := range value {
				if inner, ok := each.(tree); ok {
					copied = append(copied, withoutEmpty(inner))
					continue
				}
				copied = append(copied, each)
			}
			result[key] = copied
		default:
			result[key] = value
		}
	}
	return result
}
