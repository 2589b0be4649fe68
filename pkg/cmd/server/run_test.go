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
)

// A store that only another process can open anew ends this one, and the reason
// is told: a supervisor starts what has failed.
func TestRun_EndsForTheStore(t *testing.T) {
	t.Parallel()
	reason := errors.New("the disk is well again")
	for name, test := range map[string]struct {
		end  func(o *Options, cancel context.CancelFunc)
		want error
	}{
		"the store asks for it": {func(o *Options, _ context.CancelFunc) { o.Storage.restart <- reason }, reason},
		"a signal does":         {func(_ *Options, cancel context.CancelFunc) { cancel() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := standalone(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- options.Complete().Run(ctx) }()
			kubeconfig := filepath.Join(options.Recommended.SecureServing.ServerCert.CertDirectory, "kubeconfig")
			err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
				_, err := os.Stat(kubeconfig)
				return err == nil, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			test.end(options, cancel)
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
func standalone(t *testing.T) *Options {
	t.Helper()
	api, err := apiserver.NewAPI()
	if err != nil {
		t.Fatal(err)
	}
	options, err := NewOptions(api)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options.Standalone = true
	options.Storage.DataDir = t.TempDir()
	options.Recommended.SecureServing.Listener = listener
	options.Recommended.SecureServing.ServerCert.CertDirectory = t.TempDir()
	options.Generic.ShutdownWatchTerminationGracePeriod = 0
	return options
}
