// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/test/freeport"
)

// server is the real server on a data directory.
type server struct {
	url    string
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
	// ready is how long it took from its start until /readyz was well.
	ready time.Duration
}

func startServer(ctx context.Context, program, dataDir, dir string) (*server, error) {
	port, err := freeport.ChooseOne()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory for the server: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, program, "serve", "--standalone", "--storage=embedded", "--data-dir="+dataDir, "--cert-dir="+dir,
		"--bind-address=127.0.0.1", "--secure-port="+strconv.Itoa(port), "--event-ttl=168h")
	cmd.Stdout, cmd.Stderr = log, log
	endWithParent(cmd)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	s := &server{url: "https://127.0.0.1:" + strconv.Itoa(port), dir: dir, cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(s.exited)
		_ = cmd.Wait() // that it was ended is no news
	}()
	// Who answers on a port of loopback that we chose is the server; its
	// authority is made while it starts.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // see above
	if err := waitAnswer(ctx, client, s.url+"/readyz", s.exited); err != nil {
		s.kill()
		return nil, fmt.Errorf("starting the server, see %s: %w", log.Name(), err)
	}
	s.ready = time.Since(begun)
	return s, nil
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends it in order.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	<-s.exited
	return nil
}

// use makes the server do what servers do, so that its memory is that of one at
// work: lists of pods, pages, and creates from many clients.
func (s *server) use(ctx context.Context, events int) error {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.dir, "kubeconfig"))
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.ContentType = runtime.ContentTypeProtobuf
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return errors.Join(listPods(ctx, client, events), listPages(ctx, client), createMany(ctx, client))
}

func listPods(ctx context.Context, client kubernetes.Interface, events int) error {
	const lists = 1000
	for i := range lists {
		pod := i * (events / eventsPerPod / lists)
		list, err := client.EventsV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "regarding.uid=" + string(podUID(pod))})
		if err != nil {
			return fmt.Errorf("listing the events of a pod: %w", err)
		}
		if len(list.Items) != eventsPerPod {
			return fmt.Errorf("the server lists %d events about pod %d, want %d", len(list.Items), pod, eventsPerPod)
		}
	}
	return nil
}

func listPages(ctx context.Context, client kubernetes.Interface) error {
	options := metav1.ListOptions{Limit: pageSize}
	for range pages {
		list, err := client.EventsV1().Events("").List(ctx, options)
		if err != nil {
			return fmt.Errorf("listing a page: %w", err)
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	return nil
}

// createMany creates through the API for a while.
func createMany(ctx context.Context, client kubernetes.Interface) error {
	const writers, each = 32, 2000
	api, err := apiserver.NewAPI()
	if err != nil {
		return err
	}
	g := newGenerator()
	failures := make(chan error, writers)
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for i := range each {
				_, event := g.event(1_500_000_000 + w*each + i)
				external := &eventsv1.Event{}
				err := api.Scheme.Convert(event, external, nil)
				if err == nil {
					external.UID, external.ManagedFields = "", nil
					_, err = client.EventsV1().Events(external.Namespace).Create(ctx, external, metav1.CreateOptions{})
				}
				if err != nil {
					failures <- fmt.Errorf("creating an event: %w", err)
					return
				}
			}
		})
	}
	running.Wait()
	close(failures)
	return <-failures
}
