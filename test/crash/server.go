// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/events-apiserver/events-apiserver/test/freeport"
)

const (
	// waitTimeout is for how long to wait for something that must happen. It is generous,
	// for busy machines.
	waitTimeout = time.Minute
	pollStep    = 5 * time.Millisecond
)

// server is events-apiserver with its directories, running or not.
type server struct {
	// binary is its program.
	binary string
	// dir holds the logs, one for each start.
	dir     string
	certDir string
	dataDir string
	port    int
	starts  int
	log     string
	// spoke is when the first line of the present log was seen. The server prints
	// it just after it has opened the data directory.
	spoke    time.Time
	*process // nil before the first start
}

// newServer reserves a free port; it creates nothing.
func newServer(binary, dir string) (*server, error) {
	port, err := freeport.ChooseOne()
	if err != nil {
		return nil, err
	}
	return &server{
		binary: binary, dir: dir, port: port,
		certDir: filepath.Join(dir, "certs"),
		dataDir: filepath.Join(dir, "data"),
	}, nil
}

// program is the command line of serve with more flags.
func (s *server) program(flags ...string) program {
	return program{
		path: s.binary,
		args: append([]string{
			"serve", "--standalone", "--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(s.port),
			"--cert-dir=" + s.certDir, "--storage=embedded", "--data-dir=" + s.dataDir,
		}, flags...),
		output: s.log,
	}
}

// start runs the server, with a log of its own.
func (s *server) start(flags ...string) error {
	s.starts++
	s.log = filepath.Join(s.dir, fmt.Sprintf("server-%03d.log", s.starts))
	running, err := s.program(flags...).start()
	if err != nil {
		return err
	}
	s.process, s.spoke = running, time.Time{}
	return nil
}

// errEnded is returned if the server ended although it was not stopped.
var errEnded = errors.New("the server has ended")

// waitReady waits until the server is ready, and returns a client configuration of an
// administrator.
func (s *server) waitReady(ctx context.Context) (*rest.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	tick := time.NewTicker(pollStep)
	defer tick.Stop()
	for {
		if info, err := os.Stat(s.log); err == nil && info.Size() > 0 && s.spoke.IsZero() {
			s.spoke = time.Now()
		}
		config, err := s.ready(ctx)
		if err == nil {
			return config, nil
		}
		select {
		case <-s.exited:
			return nil, fmt.Errorf("%w: %s; its log ends with:\n%s", errEnded, s.state, tail(s.log))
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the server to become ready: %w", err)
		case <-tick.C:
		}
	}
}

func (s *server) ready(ctx context.Context) (*rest.Config, error) {
	config, err := s.admin()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	_, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return config, err
}

// printed reports whether the present log has the text.
func (s *server) printed(text string) bool {
	content, err := os.ReadFile(s.log)
	return err == nil && strings.Contains(string(content), text)
}

// admin reads the kubeconfig that the server writes.
func (s *server) admin() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.certDir, "kubeconfig"))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return noRetry{next} })
	return config, nil
}

// noRetry returns errors of a stopping server to clients at once. client-go would retry up to
// ten times, after the Retry-After of the response.
type noRetry struct{ next http.RoundTripper }

// RoundTrip removes the Retry-After header.
func (n noRetry) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(request)
	if err == nil {
		response.Header.Del("Retry-After")
	}
	return response, err
}

// tail returns the last lines of a file, or the error of reading it.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// clients speak the two encodings.
type clients struct {
	json, protobuf eventsclient.EventsV1Interface
}

func newClients(config *rest.Config) (clients, error) {
	var made clients
	var err error
	if made.json, err = newClient(config, runtime.ContentTypeJSON); err != nil {
		return clients{}, err
	}
	made.protobuf, err = newClient(config, runtime.ContentTypeProtobuf)
	return made, err
}

func newClient(config *rest.Config, contentType string) (eventsclient.EventsV1Interface, error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = contentType, contentType
	client, err := eventsclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", contentType, err)
	}
	return client, nil
}
