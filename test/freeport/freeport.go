// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package freeport

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
)

const (
	first = 20000
	last  = 29999
	tries = 200
)

// Listen listens at a free port, which no other program gets before the listener is closed.
func Listen() (*net.TCPListener, error) {
	var err error
	for range tries {
		var listener *net.TCPListener
		if listener, err = ListenAt(first + rand.IntN(last-first+1)); err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("none of %d tries in %d to %d was free: %w", tries, first, last, err)
}

// ListenAt listens at the port of loopback.
func ListenAt(port int) (*net.TCPListener, error) {
	return net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

// Of is the port at which the listener listens.
func Of(listener *net.TCPListener) int {
	return listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // what a TCPListener has
}

// Choose gives n different ports that are free now. Another program that chooses
// at the same moment can still come first, with a chance of one in thousands.
func Choose(n int) ([]int, error) {
	ports, held := make([]int, n), make([]io.Closer, 0, n)
	// Held until all are chosen, so that they differ.
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
	for i := range ports {
		listener, err := Listen()
		if err != nil {
			return nil, err
		}
		held, ports[i] = append(held, listener), Of(listener)
	}
	return ports, nil
}

// ChooseOne gives a port that is free now, see [Choose].
func ChooseOne() (int, error) {
	ports, err := Choose(1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}
