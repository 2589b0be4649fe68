// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"flag"
	"fmt"
	"io"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	encryptionconfigcontroller "k8s.io/apiserver/pkg/server/options/encryptionconfig/controller"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

const (
	namespace = "team"
	// waitTimeout is how long to wait at most for something that must happen.
	waitTimeout = 3 * time.Minute
	pollStep    = 20 * time.Millisecond
)

// TestMain makes servers reload a changed encryption configuration at once, and runs as
// events-apiserver if a test started it so. Logs of the servers are only shown with -v.
func TestMain(m *testing.M) {
	if ranAsCommand() {
		return
	}
	flag.Parse()
	if !testing.Verbose() {
		klog.LogToStderr(false)
		klog.SetOutput(io.Discard)
	}
	encryptionconfigcontroller.EncryptionConfigFileChangePollDuration = 50 * time.Millisecond
	m.Run()
}

// stores returns, for each store, how a test gets a configuration with which
// the data outlive a restart.
func stores() map[string]func(*testing.T) testserver.Config {
	all := plainStores()
	all["embedded, encrypted"] = func(t *testing.T) testserver.Config {
		t.Helper()
		file := testserver.NewEncryptionFile(t, testserver.Key("secretbox", "k", "1"))
		return testserver.Config{Dir: t.TempDir(), DataDir: t.TempDir(), Encryption: file}
	}
	return all
}

// plainStores are those in which nothing is encrypted.
func plainStores() map[string]func(*testing.T) testserver.Config {
	return map[string]func(*testing.T) testserver.Config{
		"etcd": func(t *testing.T) testserver.Config {
			t.Helper()
			return testserver.Config{Dir: t.TempDir(), EtcdURL: testserver.StartEtcd(t)}
		},
		"embedded": func(t *testing.T) testserver.Config {
			t.Helper()
			return testserver.Config{Dir: t.TempDir(), DataDir: t.TempDir()}
		},
	}
}

// clientFor returns a typed client that speaks the given wire format.
func clientFor(t *testing.T, config *rest.Config, contentType string) eventsclient.EventsV1Interface {
	t.Helper()
	config = rest.CopyConfig(config)
	config.ContentType = contentType
	config.AcceptContentTypes = contentType
	client, err := eventsclient.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func jsonClient(t *testing.T, config *rest.Config) eventsclient.EventsV1Interface {
	t.Helper()
	return clientFor(t, config, runtime.ContentTypeJSON)
}

func newEvent(name string) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: name, Namespace: namespace},
		EventTime:           metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)),
		ReportingController: "example.com/controller",
		ReportingInstance:   "controller-1",
		Action:              "Start",
		Reason:              "Started",
		Type:                corev1.EventTypeNormal,
		Note:                "it runs",
		Regarding:           corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "pod-" + name, UID: types.UID("uid-" + name)},
	}
}

func create(t *testing.T, client eventsclient.EventsV1Interface, event *eventsv1.Event) *eventsv1.Event {
	t.Helper()
	created, err := client.Events(event.Namespace).Create(t.Context(), event, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating %s: %v", event.Name, err)
	}
	return created
}

func createMany(t *testing.T, client eventsclient.EventsV1Interface, prefix string, n int) {
	t.Helper()
	for i := range n {
		create(t, client, newEvent(fmt.Sprintf("%s-%d", prefix, i)))
	}
}
