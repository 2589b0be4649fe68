// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import "fmt"

// view reduces a document about the whole server to the part about the group.
func view(name string, tree any) (any, error) {
	if name == "" {
		return tree, nil
	}
	reduce, ok := views()[name]
	if !ok {
		return nil, fmt.Errorf("there is no view %q", name)
	}
	return reduce(tree), nil
}

const groupName = "events.k8s.io"

func views() map[string]func(any) any {
	return map[string]func(any) any{
		"groups":       groupOfList,
		"openapi":      openAPIOfGroup,
		"openapi-root": openAPIRoot,
	}
}

// groupOfList finds the group in a list of groups, or in aggregated discovery.
func groupOfList(tree any) any {
	document, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	for _, key := range []string{"groups", "items"} {
		entries, _ := document[key].([]any)
		for _, entry := range entries {
			if name, _ := lookUp(entry, "name"); name == groupName {
				return entry
			}
			if name, _ := lookUp(entry, "metadata.name"); name == groupName {
				return entry
			}
		}
	}
	return tree
}
