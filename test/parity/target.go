// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"context"
	"net/http"
)

// target is one of the two servers that are compared.
type target struct {
	// name is how differences call the server.
	name string
	// url is where requests go, without a slash at the end.
	url string
	// clients have the credentials of the users, by name.
	clients map[string]*http.Client
	// direct is where requests go that are to reach the server without
	// kube-apiserver in between. Nil means that there is none in between.
	direct *target
	// compact removes the history of the server's store up to now.
	compact func(context.Context) error
	// restart restarts a server that has history of its own beside that of the store. Nil
	// means that it has none.
	restart func(context.Context) error
}

// The users in the data.
const (
	userAdmin     = "admin"
	userNobody    = "nobody"
	userAnonymous = "anonymous"
	userBadToken  = "badtoken"
)

// pair is the reference server and the server under test.
type pair struct {
	builtIn, ours *target
	wanted        *wanted
}
