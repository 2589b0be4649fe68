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
	// maxSocketPath is the longest path of a socket in bytes. The kernel has room for 108
	// on Linux and 104 elsewhere, one of them for the terminating zero.
	maxSocketPath = 103
)

// listen creates the socket. The caller must hold the lock of the directory: a socket that
// exists was left by a server that was killed.
func listen(ctx context.Context, dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old socket: %w", err)
	}
	var listener net.Listener
	err := withShortPath(dir, func(short string) (err error) {
		// Setting the mode before bind leaves no moment in which others can connect.
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
	// The listener would remove the path that it was given, which may be a short one.
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

// withShortPath calls f with a path of the socket that is short enough for the kernel. For a
// longer one, the path goes through the file descriptor of the open directory.
func withShortPath(dir string, f func(path string) error) error {
	path := filepath.Join(dir, SocketName)
	if len(path) <= maxSocketPath {
		return f(path)
	}
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = opened.Close() }() // only read
	through := fmt.Sprintf("/proc/self/fd/%d", opened.Fd())
	if _, err := os.Stat(through); err != nil {
		return fmt.Errorf("the path has %d bytes, the limit is %d: use a data directory with a shorter path (%w)",
			len(path), maxSocketPath, err)
	}
	return f(filepath.Join(through, SocketName))
}
