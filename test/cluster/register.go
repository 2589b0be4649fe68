// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/yaml"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

const (
	apiServiceName = "v1.events.k8s.io"
	// Taking over and giving back are a matter of seconds; kube-apiserver looks at
	// the service and its discovery once more when the first look failed.
	registerBound = 2 * time.Minute
)

// Reasons of the condition Available, which show which server has the group.
const (
	answeredByService = "Passed"
	answeredByItself  = "Local"
)

var errNoServer = errors.New("this cluster runs without events-apiserver")

// Register makes kube-apiserver send events.k8s.io/v1 to events-apiserver, and
// returns when it does and discovery says so.
func (c *Cluster) Register(ctx context.Context) error {
	if !c.servesEvents() {
		return errNoServer
	}
	begin := time.Now()
	if err := c.applyRegistration(ctx); err != nil {
		return fmt.Errorf("registering events-apiserver: %w", err)
	}
	if err := c.WaitRegistered(ctx); err != nil {
		return fmt.Errorf("registering events-apiserver: %w", err)
	}
	c.log.printf("events.k8s.io/v1 is served by events-apiserver (%s)", seconds(begin))
	return nil
}

// WaitRegistered waits until kube-apiserver finds the registered events-apiserver
// available, as it does some time after one of the two has restarted.
func (c *Cluster) WaitRegistered(ctx context.Context) error {
	return c.waitAnsweredBy(ctx, answeredByService)
}

// GiveBack makes kube-apiserver serve events.k8s.io/v1 itself again, from what it
// stored itself, and returns when it does and discovery says so.
func (c *Cluster) GiveBack(ctx context.Context) error {
	if !c.servesEvents() {
		return errNoServer
	}
	begin := time.Now()
	stock, err := c.stockAPIService()
	if err != nil {
		return fmt.Errorf("giving the group back: %w", err)
	}
	services, err := c.apiServices()
	if err != nil {
		return fmt.Errorf("giving the group back: %w", err)
	}
	// Replacing the object in place would leave the group's discovery stale until
	// kube-apiserver restarts. With no object at all kube-apiserver answers too.
	if err := services.Delete(ctx, apiServiceName, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("giving the group back: deleting the APIService: %w", err)
	}
	if _, err := services.Create(ctx, stock, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("giving the group back: creating the stock APIService: %w", err)
	}
	if err := c.waitAnsweredBy(ctx, answeredByItself); err != nil {
		return fmt.Errorf("giving the group back: %w", err)
	}
	c.log.printf("events.k8s.io/v1 is served by kube-apiserver itself (%s)", seconds(begin))
	return nil
}

func (c *Cluster) stockAPIService() (*unstructured.Unstructured, error) {
	data, err := os.ReadFile(filepath.Join(c.artifacts(), "apiservice-stock.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the stock APIService: %w", err)
	}
	stock := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &stock.Object); err != nil {
		return nil, fmt.Errorf("reading the stock APIService: %w", err)
	}
	return stock, nil
}

func (c *Cluster) apiServices() (dynamic.ResourceInterface, error) {
	config, err := c.AdminConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client.Resource(schema.GroupVersionResource{
		Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices",
	}), nil
}

// waitAnsweredBy waits until kube-apiserver has the group answered by whom the
// reason names, and offers it in discovery.
func (c *Cluster) waitAnsweredBy(ctx context.Context, reason string) error {
	services, err := c.apiServices()
	if err != nil {
		return err
	}
	groups, err := c.discovery()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, registerBound)
	defer cancel()
	return poll(ctx, readyPoll, func(ctx context.Context) error {
		service, err := services.Get(ctx, apiServiceName, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("getting the APIService: %w", err)
		}
		if err := availableFor(service, reason); err != nil {
			return err
		}
		return discovered(ctx, groups)
	})
}

// availableFor returns an error, with kube-apiserver's own words, unless the
// APIService is available for the reason.
func availableFor(service *unstructured.Unstructured, reason string) error {
	conditions, _, err := unstructured.NestedSlice(service.Object, "status", "conditions")
	if err != nil {
		return fmt.Errorf("reading the status of the APIService: %w", err)
	}
	for _, each := range conditions {
		condition, ok := each.(map[string]any)
		if !ok || condition["type"] != "Available" {
			continue
		}
		if condition["status"] == "True" && condition["reason"] == reason {
			return nil
		}
		return fmt.Errorf("APIService %s: Available is %v, reason %v: %v",
			apiServiceName, condition["status"], condition["reason"], condition["message"])
	}
	return fmt.Errorf("APIService %s has no condition Available yet", apiServiceName)
}
