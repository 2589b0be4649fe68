// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// host is a real control plane with the server registered.
type host struct {
	*cluster.Cluster
	// admin is a client of kube-apiserver, direct one of the server.
	admin, direct kubernetes.Interface
	server        *cluster.Component
}

// startHost starts a control plane and the server with a mode of --host-events.
func (s *session) startHost(ctx context.Context, mode string) (*host, error) {
	tools, err := cluster.FindTools(ctx, s.repo)
	if err != nil {
		return nil, err
	}
	c, err := cluster.New(cluster.Config{
		Dir: s.path("host-" + mode), ToolsDir: tools, RepoDir: s.repo, EventsAPIServer: s.serverProgram,
		Store: cluster.StoreEmbedded, UnsafeNoFsync: true, Log: os.Stderr,
		ExtraArgs: map[string][]string{
			cluster.EventsAPIServer: {"--host-events=" + mode},
		},
	})
	if err != nil {
		return nil, err
	}
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	h := &host{Cluster: c}
	if err := h.connect(); err != nil {
		return nil, errors.Join(err, h.end(ctx))
	}
	return h, nil
}

func (h *host) connect() (err error) {
	if h.server, err = h.Component(cluster.EventsAPIServer); err != nil {
		return err
	}
	config, err := h.AdminConfig()
	if err != nil {
		return err
	}
	config.QPS, config.ContentType = -1, runtime.ContentTypeProtobuf
	if h.admin, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	direct := rest.CopyConfig(config)
	direct.Host = fmt.Sprintf("https://127.0.0.1:%d", h.server.Port())
	direct.CAData, direct.CAFile = nil, filepath.Join(h.Config().Dir, cluster.EventsAPIServer, "certs", "ca.crt")
	if h.direct, err = kubernetes.NewForConfig(direct); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return nil
}

func (h *host) end(ctx context.Context) error {
	return errors.Join(h.Stop(context.WithoutCancel(ctx)), h.Clean())
}

// forget removes the data of the server.
func (h *host) forget(ctx context.Context) error {
	if err := h.server.Stop(ctx); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(h.Config().Dir, "data", cluster.EventsAPIServer))
}

const hostNamespace = "default"

// hostEvent returns an event like those of the kubelet.
func hostEvent(i int) *corev1.Event {
	now := metav1.Now()
	name := "web-frontend-" + strconv.FormatUint(random(i/eventsPerPod, 3).Uint64()>>24, 36)
	step := lifeOfPod()[i%eventsPerPod]
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: hostNamespace, Name: name + "." + strconv.FormatInt(nameBase+int64(i)*nameStep, 16)},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: hostNamespace, Name: name, UID: podUID(i / eventsPerPod), FieldPath: "spec.containers{web}"},
		Reason:         step.reason,
		Type:           step.kind,
		Message:        note(step.note, hostNamespace, name, uint64(i%250), uint64(i>>8%250), uint64(i)), //nolint:gosec // a count
		Source:         corev1.EventSource{Component: "kubelet", Host: "node-" + strconv.Itoa(i%5000)},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		ReportingController: "kubelet", ReportingInstance: "node-" + strconv.Itoa(i%5000),
	}
}

// loadHost creates events through core/v1 from first on, rate of them per second, or as many
// as possible if that is 0. It calls done after each response of the host.
func (h *host) loadHost(ctx context.Context, first, count, rate int, done func(i int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := time.Now()
	var next atomic.Int64
	failures := make(chan error, writers)
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= count || ctx.Err() != nil {
					return
				}
				if rate > 0 {
					waitUntil(ctx, begun.Add(time.Duration(n)*time.Second/time.Duration(rate)))
				}
				if err := h.createCore(ctx, first+n); err != nil {
					failures <- err
					cancel()
					return
				}
				if done != nil {
					done(first + n)
				}
			}
		})
	}
	running.Wait()
	close(failures)
	return <-failures
}

func waitUntil(ctx context.Context, when time.Time) {
	timer := time.NewTimer(time.Until(when))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ingested returns the number of the host's events that the server has ingested since its
// start, from its metrics: counting by lists would be most of its work.
func (h *host) ingested(ctx context.Context) (int, error) {
	raw, err := h.direct.Discovery().RESTClient().Get().AbsPath("/metrics").SetHeader("Accept", "text/plain").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("getting the metrics of the server: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if text, found := strings.CutPrefix(line, "events_apiserver_host_events_ingested_total "); found {
			count, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return int(count), err
		}
	}
	return 0, errors.New("the server has no metric of ingested events")
}

// waitIngested waits until the server has ingested so many events. Each scrape costs it some
// milliseconds, so they are no more frequent than necessary.
func (h *host) waitIngested(ctx context.Context, want int) error {
	const bound, look = 3 * time.Minute, 250 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		got, err := h.ingested(ctx)
		if err == nil && got >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the server has ingested %d events after %s, want %d", got, bound, want), err)
		case <-tick.C:
		}
	}
}

// held counts the server's events.
func (h *host) held(ctx context.Context) (int, error) {
	count := 0
	options := metav1.ListOptions{Limit: pageSize}
	for {
		list, err := h.direct.EventsV1().Events(hostNamespace).List(ctx, options)
		if err != nil {
			return 0, fmt.Errorf("counting the events of the server: %w", err)
		}
		count += len(list.Items)
		if options.Continue = list.Continue; options.Continue == "" {
			return count, nil
		}
	}
}
