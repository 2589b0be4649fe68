// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storeadmin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// SocketName is the name of the socket in the data directory.
const SocketName = "admin.sock"

const (
	socketMode = 0o600
	// maxSocketPath is how long the path of a socket may be. The kernel has 108
	// bytes for it on Linux and 104 elsewhere, one of them for the end.
	maxSocketPath = 103
)

// listen makes the socket. The caller must have the directory for itself: a
// socket that is there is one that a killed server has left.
func listen(ctx context.Context, dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old socket: %w", err)
	}
	var listener net.Listener
	err := withShortPath(dir, func(short string) (err error) {
		// With this the socket never has another mode, not even for a moment.
		config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), socketMode) })
			return errors.Join(err, failed)
		}}
		listener, err = config.Listen(ctx, "unix", short)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	// Go would remove the path that it was given.
	if socket, ok := listener.(*net.UnixListener); ok {
		socket.SetUnlinkOnClose(false)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(fmt.Errorf("listening on %s: %w", path, err), listener.Close())
	}
	return listener, nil
}

// dial connects to the socket.
func dial(ctx context.Context, dir string) (net.Conn, error) {
	var conn net.Conn
	err := withShortPath(dir, func(short string) (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", short)
		return err
	})
	return conn, err
}

// withShortPath calls f with a path of the socket that is short enough for the
// kernel. A longer one is reached through an open directory.
func withShortPath(dir string, f func(path string) error) error {
	path := filepath.Join(dir, SocketName)
	if len(path) <= maxSocketPath {
		return f(path)
	}
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = opened.Close() }() // it is a path
	through := fmt.Sprintf("/proc/self/fd/%d", opened.Fd())
	if _, err := os.Stat(through); err != nil {
		return fmt.Errorf("the path has %d bytes and may have %d: use a data directory with a shorter path (%w)",
			len(path), maxSocketPath, err)
	}
	return f(filepath.Join(through, SocketName))
}
