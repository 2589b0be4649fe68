// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubehost is the host cluster over its API: the hostevents.Host that
// speaks client-go, and the election of the replica that leads by a Lease.
//
// It promises that an error is the one that the host returned, that a 403 for a
// missing permission of the server's own account wraps
// hostevents.ErrNotAuthorized, and that no page of a list takes more memory than
// hostevents.MaxPageBytes. It must not know what is done with the events.
package kubehost
