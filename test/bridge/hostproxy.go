// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// hostProxy stands between an events-apiserver and its kube-apiserver, so that a
// test can hold back or lose single answers. It authenticates as the one it
// stands for.
type hostProxy struct {
	server *httptest.Server

	mu    sync.Mutex
	proxy *httputil.ReverseProxy
	fault fault
	// asked are the requests about events, by namespace and method.
	asked map[string]map[string]int
	// schemas are the flow schemas of the latest of them, by namespace.
	schemas map[string]string
}

// fault is what happens to a request on its way to the host.
type fault struct {
	// hits tells which requests are meant; nil means none.
	hits func(*http.Request) bool
	// delay is how long the answer is held back after the host has given it.
	delay time.Duration
	// lose lets the host do what is asked and breaks the answer off.
	lose bool
	// code is answered instead of asking the host, if it is not 0.
	code int
	// hang never answers and never asks.
	hang bool
}

// newHostProxy starts a proxy. It answers nothing until it is told where to.
func newHostProxy() *hostProxy {
	p := &hostProxy{asked: map[string]map[string]int{}, schemas: map[string]string{}}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	return p
}

// towards tells the port of the host, which need not run yet. The kubeconfig
// names the user whose place the proxy takes; it is read with the first request.
func (p *hostProxy) towards(port int, kubeconfig string) {
	target := &url.URL{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	transport := sync.OnceValues(func() (http.RoundTripper, error) {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("reading the kubeconfig of the server: %w", err)
		}
		return rest.TransportFor(config)
	})
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			to, err := transport()
			if err != nil {
				return nil, err
			}
			return to.RoundTrip(r)
		}),
		ModifyResponse: func(r *http.Response) error {
			p.noteSchema(r)
			return nil
		},
		// Watches are passed on as they come.
		FlushInterval: -1,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			// As a connection that breaks.
			panic(http.ErrAbortHandler) //nolint:forbidigo // the way to break an answer off
		},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proxy = proxy
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// writeKubeconfig writes how to reach the host through the proxy.
func (p *hostProxy) writeKubeconfig(file string) error {
	const name = "proxy"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   p.server.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw}),
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding a kubeconfig: %w", err)
	}
	return os.WriteFile(file, data, 0o600)
}

// set makes a fault happen until the next one is set; the zero fault is none. A
// plain cluster has no proxy, and no faults.
func (p *hostProxy) set(f fault) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

func (p *hostProxy) close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

func (p *hostProxy) serve(w http.ResponseWriter, r *http.Request) {
	f, proxy := p.begin(r)
	if f.hits == nil || !f.hits(r) {
		proxy.ServeHTTP(w, r)
		return
	}
	switch {
	case f.hang:
		<-r.Context().Done()
	case f.code != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable","code":%d,"message":"made to fail"}`, f.code)
	default:
		// What the host does is done, whatever becomes of who asked.
		recorded := httptest.NewRecorder()
		proxy.ServeHTTP(recorded, r.WithContext(context.WithoutCancel(r.Context())))
		if f.lose {
			panic(http.ErrAbortHandler) //nolint:forbidigo // the way to break an answer off
		}
		waitFor(r.Context(), f.delay)
		maps.Copy(w.Header(), recorded.Header())
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
	}
}

// begin counts a request and tells what is to happen to it.
func (p *hostProxy) begin(r *http.Request) (fault, *httputil.ReverseProxy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if namespace, ok := eventsNamespace(r.URL.Path); ok {
		if p.asked[namespace] == nil {
			p.asked[namespace] = map[string]int{}
		}
		p.asked[namespace][r.Method]++
	}
	return p.fault, p.proxy
}

// requests are how many requests about events of the namespace the server has
// made to its host, by method.
func (p *hostProxy) requests(namespace string) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.asked[namespace])
}

func (p *hostProxy) noteSchema(r *http.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if namespace, ok := eventsNamespace(r.Request.URL.Path); ok {
		p.schemas[namespace] = schemaOf(r)
	}
}

// flowSchema is the uid of the flow schema by which the host sorted the latest
// request about events of the namespace.
func (p *hostProxy) flowSchema(namespace string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.schemas[namespace]
}

func schemaOf(r *http.Response) string {
	return r.Header.Get(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID)
}

// waitFor waits for some time, or until ctx ends.
func waitFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// eventWrites hits the writes of events at the host.
func eventWrites(methods ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		_, ok := eventsNamespace(r.URL.Path)
		return ok && slices.Contains(methods, r.Method)
	}
}

// eventsNamespace finds the namespace in the path of a request about its events.
func eventsNamespace(path string) (string, bool) {
	rest, found := strings.CutPrefix(path, "/api/v1/namespaces/")
	parts := strings.Split(rest, "/")
	return parts[0], found && len(parts) >= 2 && parts[1] == "events"
}
