// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package freeport chooses TCP ports of loopback for the servers of tests.
//
// Its ports come from below the range out of which Linux takes the local ports
// of outgoing connections (net.ipv4.ip_local_port_range, 32768 and up unless
// set otherwise). A port from inside that range, which is what listening at port
// 0 gives, may be taken by any connection between the choice and the moment in
// which the server listens, or while the server is down for a restart.
//
// It must not know which server listens.
package freeport
