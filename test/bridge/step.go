// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// What a step does.
const (
	doCreate           = "create"
	doUpdate           = "update"
	doPatch            = "patch"
	doApply            = "apply"
	doDelete           = "delete"
	doDeleteCollection = "delete collection"
	// doTerminate deletes the namespace and leaves it in between, with something in
	// it that does not go.
	doTerminate = "terminate"
)

// Types of patches.
const (
	mergePatch     = "application/merge-patch+json"
	strategicPatch = "application/strategic-merge-patch+json"
	jsonPatch      = "application/json-patch+json"
	applyPatch     = "application/apply-patch+yaml"
)

// Values that a step asks for by what they mean, as each cluster has its own.
const (
	// currentVersion is the version that the API of the step shows.
	currentVersion = "<current version>"
	currentUID     = "<current uid>"
)

// step is one request of a script.
type step struct {
	api  api
	do   string
	name string
	// namespace is another than the script's.
	namespace string
	query     url.Values
	patchType string
	// body is in the terms of events.k8s.io/v1, or a string that is sent as it is.
	body any
	// code is what the plain cluster must answer, so that a script does what it says.
	code int
}

func (s step) String() string {
	text := fmt.Sprintf("%s %s through %s", s.do, s.name, s.api.name)
	if s.do == doTerminate {
		return s.do
	}
	if len(s.query) > 0 {
		text += "?" + s.query.Encode()
	}
	if s.patchType != "" {
		text += " with " + s.patchType
	}
	return text
}

// script is a sequence of steps in a namespace of its own.
type script struct {
	name  string
	steps func(namespace string) []step
}

// side is one cluster that a script goes to, in one namespace.
type side struct {
	name      string
	client    *client
	namespace string
	normal    *normal
	watches   map[api]*watch
}

// newSide makes the namespace and begins to watch it through both APIs.
func newSide(ctx context.Context, name string, c *client, namespace string) (*side, error) {
	s := &side{name: name, client: c, namespace: namespace, normal: newNormal(), watches: map[api]*watch{}}
	if err := c.makeNamespace(ctx, namespace); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, a := range []api{coreAPI(), eventsAPI()} {
		opened, err := c.watch(ctx, a, namespace)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.watches[a] = opened
	}
	return s, nil
}

func (s *side) close() {
	for _, w := range s.watches {
		w.close()
	}
}

// take carries out a step. Number is which of the script it is.
func (s *side) take(ctx context.Context, number int, st step) (tree, error) {
	if st.do == doTerminate {
		return nil, s.terminate(ctx)
	}
	namespace := s.namespace
	if st.namespace != "" {
		namespace = st.namespace
	}
	body, err := s.body(ctx, st)
	if err != nil {
		return nil, err
	}
	path := st.api.path(namespace, st.name)
	method, contentType := http.MethodPost, ""
	query := st.query
	switch st.do {
	case doCreate:
		path = st.api.path(namespace, "")
	case doUpdate:
		method = http.MethodPut
	case doPatch:
		method, contentType = http.MethodPatch, st.patchType
	case doApply:
		method, contentType = http.MethodPatch, applyPatch
	case doDelete:
		method = http.MethodDelete
	case doDeleteCollection:
		method, path = http.MethodDelete, st.api.path(namespace, "")
		if st.api == coreAPI() {
			query = coreSelectors(query)
		}
	}
	got, err := s.client.ask(ctx, method, path, query, contentType, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.name, st, err)
	}
	s.learnName(number, st, got)
	return s.normal.answer(got), nil
}

// learnName finds a name that the server made.
func (s *side) learnName(number int, st step, got answer) {
	body, _ := st.body.(tree)
	meta, _ := body["metadata"].(tree)
	prefix, _ := meta["generateName"].(string)
	if prefix == "" || st.do != doCreate {
		return
	}
	name := nameOf(got.body)
	if details, ok := got.body["details"].(tree); ok && name == "" {
		name, _ = details["name"].(string)
	}
	// Of a long prefix a name has the beginning.
	const longest = 58
	prefix = prefix[:min(len(prefix), longest)]
	if strings.HasPrefix(name, prefix) && len(name) > len(prefix) {
		s.normal.generated(name, fmt.Sprintf("%s<%d>", prefix, number))
	}
}

// body is what the step sends to this cluster.
func (s *side) body(ctx context.Context, st step) (any, error) {
	object, ok := st.body.(tree)
	if !ok {
		return st.api.form(st.body), nil
	}
	object = merge(object)
	if st.do == doDelete || st.do == doDeleteCollection {
		return s.fill(ctx, st, object, "preconditions")
	}
	if st.do != doPatch {
		object["apiVersion"], object["kind"] = st.api.groupVersion, "Event"
	}
	object, err := s.fill(ctx, st, object, "metadata")
	if err != nil {
		return nil, err
	}
	return st.api.form(object), nil
}

// fill puts in the values that are this cluster's own.
func (s *side) fill(ctx context.Context, st step, object tree, key string) (tree, error) {
	inner, _ := object[key].(tree)
	for field, asked := range map[string]string{"resourceVersion": currentVersion, "uid": currentUID} {
		if inner[field] != asked {
			continue
		}
		got, err := s.client.ask(ctx, http.MethodGet, st.api.path(s.namespace, st.name), nil, "", nil)
		if err != nil {
			return nil, err
		}
		meta, _ := got.body["metadata"].(tree)
		value := meta[field]
		if got.code != http.StatusOK {
			// Of an event that is not there anything is as good.
			value = "1"
		}
		object = merge(object, tree{key: tree{field: value}})
		inner, _ = object[key].(tree)
	}
	return object, nil
}

// coreSelectors renames the fields in a field selector.
func coreSelectors(query url.Values) url.Values {
	text := query.Get("fieldSelector")
	if text == "" {
		return query
	}
	renamed := maps.Clone(query)
	field, rest, _ := strings.Cut(text, "=")
	renamed.Set("fieldSelector", coreField(field)+"="+rest)
	return renamed
}

// terminate deletes the namespace, in which a ConfigMap stays until freed.
func (s *side) terminate(ctx context.Context) error {
	held := tree{"metadata": tree{"name": "held", "finalizers": []any{"example.com/keep"}}}
	configMaps := "/api/v1/namespaces/" + s.namespace + "/configmaps"
	for _, request := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, configMaps, held},
		{http.MethodDelete, configMaps + "/held", nil},
		{http.MethodDelete, "/api/v1/namespaces/" + s.namespace, nil},
	} {
		got, err := s.client.ask(ctx, request.method, request.path, nil, "", request.body)
		if err != nil {
			return err
		}
		if got.code >= http.StatusBadRequest {
			return fmt.Errorf("%s: %s %s: %d %v", s.name, request.method, request.path, got.code, got.body["message"])
		}
	}
	return nil
}

// free lets the namespace go that was terminated.
func (s *side) free(ctx context.Context) error {
	_, err := s.client.ask(ctx, http.MethodPatch, "/api/v1/namespaces/"+s.namespace+"/configmaps/held", nil, mergePatch, tree{"metadata": tree{"finalizers": nil}})
	return err
}
