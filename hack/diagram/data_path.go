// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// dataPath shows the path of a request from a client to the disk.
func dataPath() picture {
	return picture{
		file:  "data-path.svg",
		title: "The path of the data",
		description: "Clients of events.k8s.io/v1 talk to kube-apiserver, whose aggregator forwards their requests to events-apiserver. " +
			"It stores the events in its data directory or in a separate etcd. Everything else, including core/v1 events, " +
			"stays in kube-apiserver and the cluster's etcd.",
		height: 560,
		draw:   drawDataPath,
	}
}

// pathLayout has the position of each part: clients on the left, kube-apiserver
// in the middle, events-apiserver on the right, and below each server its store.
type pathLayout struct {
	writers, readers, others             rect
	host, gate, aggregator, builtin      rect
	server                               rect
	access, admission, registry, storage rect
	engine, hostStore, serverStore       rect
}

func newPathLayout() pathLayout {
	stage := func(i int) rect { return rect{646, 64 + i*69, 218, 56} }
	return pathLayout{
		writers: rect{24, 24, 204, 108},
		readers: rect{24, 148, 204, 108},
		others:  rect{24, 290, 204, 124},

		host:       rect{264, 24, 234, 390},
		gate:       rect{276, 64, 32, 332},
		aggregator: rect{344, 64, 142, 110},
		builtin:    rect{344, 302, 142, 94},
		hostStore:  rect{312, 454, 206, 84},

		server:      rect{634, 24, 242, 390},
		access:      stage(0),
		admission:   stage(1),
		registry:    stage(2),
		storage:     stage(3),
		engine:      stage(4),
		serverStore: rect{652, 454, 206, 84},
	}
}

func drawDataPath(c *canvas) {
	l := newPathLayout()
	drawBoxes(c, l)
	drawRequests(c, l)
	drawDelegation(c, l)
}

func drawBoxes(c *canvas, l pathLayout) {
	c.box(l.writers, "client", "Writers of events.k8s.io", "kube-scheduler", "controllers", "client-go recorders")
	c.box(l.readers, "client", "Readers of events.k8s.io", "kubectl get", "events.events.k8s.io,", "informers")
	c.box(l.others, "client", "All other requests", "kubelet and others that", "write core/v1 events,", "kubectl get events,", "every other resource")

	c.frame(l.host, "host", l.host.centerX(), "kube-apiserver")
	c.bar(l.gate, "part", "authentication, authorization, audit")
	c.box(l.aggregator, "part", "aggregator", "APIService", "v1.events.k8s.io")
	c.box(l.builtin, "part", "built-in APIs", "core/v1 events", "and all others")
	c.cylinder(l.hostStore, "store", "the cluster's etcd", "all events for an hour,", "all other resources")

	c.frame(l.server, "ours", l.server.centerX(), "events-apiserver")
	c.box(l.access, "ourpart", "delegated access checks", "authentication, authorization")
	c.box(l.admission, "ourpart", "admission", "webhooks, policies, namespaces")
	c.box(l.registry, "ourpart", "registry", "validation, strategy")
	c.box(l.storage, "ourpart", "storage", "lists by index, watches")
	c.box(l.engine, "ourpart", "engine", "revisions, indexes, expiry")
	c.cylinder(l.serverStore, "ourstore", "its data directory", "all events, for days", "(or a separate etcd)")
}

// drawRequests draws the two paths: events.k8s.io through the aggregator, and
// everything else as without the server.
func drawRequests(c *canvas, l pathLayout) {
	for _, client := range []rect{l.writers, l.readers} {
		c.arrow("events", point{client.right(), client.centerY()}, point{l.gate.x, client.centerY()})
	}
	c.arrow("events", point{l.gate.right(), l.aggregator.centerY()}, point{l.aggregator.x, l.aggregator.centerY()})
	entry := l.access.centerY()
	c.arrow("events", point{l.aggregator.right(), entry}, point{l.access.x, entry})
	c.label(point{(l.host.right() + l.server.x) / 2, entry - 24}, "eventstext", "requests for", "events.k8s.io/v1")

	stages := []rect{l.access, l.admission, l.registry, l.storage, l.engine, l.serverStore}
	for i, stage := range stages[1:] {
		c.arrow("events", point{stage.centerX(), stages[i].bottom()}, point{stage.centerX(), stage.y})
	}

	c.arrow("other", point{l.others.right(), l.builtin.centerY()}, point{l.gate.x, l.builtin.centerY()})
	c.arrow("other", point{l.gate.right(), l.builtin.centerY()}, point{l.builtin.x, l.builtin.centerY()})
	c.arrow("other", point{l.builtin.centerX(), l.builtin.bottom()}, point{l.builtin.centerX(), l.hostStore.y})
}

// drawDelegation draws the requests of events-apiserver to kube-apiserver.
func drawDelegation(c *canvas, l pathLayout) {
	y := l.admission.centerY() + 40
	c.arrow("back", point{l.server.x, y}, point{l.host.right(), y})
	middle := (l.host.right() + l.server.x) / 2
	c.label(point{middle, y - 10}, "backtext", "calls, watches, mirrors")
	c.label(point{middle, y + 20}, "backtext", "TokenReview", "SubjectAccessReview", "namespaces", "webhooks, policies", "flow control", "core/v1 events")
}
