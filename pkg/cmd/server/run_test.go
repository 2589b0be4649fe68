// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
)

// A store that only another process can open ends this one with the reason: a
// supervisor restarts what has failed.
func TestRun_EndsForTheStore(t *testing.T) {
	t.Parallel()
	reason := errors.New("the disk is well again")
	for name, test := range map[string]struct {
		end  func(o *options.Options, cancel context.CancelFunc)
		want error
	}{
		"the store asks for it": {func(o *options.Options, _ context.CancelFunc) { o.Storage.RequestRestart(reason) }, reason},
		"a signal does":         {func(_ *options.Options, cancel context.CancelFunc) { cancel() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := standalone(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- Run(ctx, given.Complete()) }()
			kubeconfig := filepath.Join(given.Recommended.SecureServing.ServerCert.CertDirectory, "kubeconfig")
			err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
				_, err := os.Stat(kubeconfig)
				return err == nil, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			test.end(given, cancel)
			select {
			case err := <-ended:
				if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Errorf("it ended with %v, want %v", err, test.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("it did not end")
			}
		})
	}
}

// standalone returns options with which a server runs on a port of loopback.
func standalone(t *testing.T) *options.Options {
	t.Helper()
	api, err := apiserver.NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	given, err := options.NewOptions(api)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	given.Standalone = true
	given.Storage.DataDir = t.TempDir()
	given.Recommended.SecureServing.Listener = listener
	given.Recommended.SecureServing.ServerCert.CertDirectory = t.TempDir()
	given.Generic.ShutdownWatchTerminationGracePeriod = 0
	return given
}
