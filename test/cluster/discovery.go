// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

const (
	eventsGroup   = "events.k8s.io"
	eventsVersion = "v1"
	// What kubectl and client-go ask for: all groups in one answer, which tells a
	// group whose server could not be asked from one that is up to date.
	aggregatedDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
)

func (c *Cluster) discovery() (rest.Interface, error) {
	config, err := c.AdminConfig()
	if err != nil {
		return nil, err
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a discovery client: %w", err)
	}
	return client.RESTClient(), nil
}

// discovered returns an error unless clients are told of events.k8s.io/v1 with
// its resources.
func discovered(ctx context.Context, client rest.Interface) error {
	body, err := client.Get().AbsPath("/apis").SetHeader("Accept", aggregatedDiscovery).Do(ctx).Raw()
	if err != nil {
		return fmt.Errorf("asking for discovery: %w", err)
	}
	list := apidiscoveryv2.APIGroupDiscoveryList{}
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("reading discovery: %w", err)
	}
	return currentIn(list)
}

func currentIn(list apidiscoveryv2.APIGroupDiscoveryList) error {
	for _, group := range list.Items {
		if group.Name != eventsGroup {
			continue
		}
		for _, version := range group.Versions {
			if version.Version != eventsVersion {
				continue
			}
			if version.Freshness == apidiscoveryv2.DiscoveryFreshnessCurrent && len(version.Resources) > 0 {
				return nil
			}
			return fmt.Errorf("discovery of %s/%s is %s with %d resources", eventsGroup, eventsVersion, version.Freshness, len(version.Resources))
		}
	}
	return fmt.Errorf("discovery does not know %s/%s", eventsGroup, eventsVersion)
}
