// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// params checks that the account may read the parameters of the policy, which the server needs
// to evaluate it.
func (a *admissionCheck) params(ctx context.Context, p policy) error {
	if p.params == nil {
		return nil
	}
	group, resource, err := a.resourceOf(p.params.APIVersion, p.params.Kind)
	if err != nil {
		a.unchecked("whether the parameters of "+p.object+" can be read", err)
		return nil
	}
	may := reviewOf(ctx, a.cluster.Client, a.account)
	var missing []string
	for _, verb := range []string{"get", "list", "watch"} {
		needed := right{group: group, resource: resource}
		allowed, err := may(ctx, needed.attributes(verb, a.account))
		if apierrors.IsForbidden(err) {
			a.unchecked("whether the parameters of "+p.object+" can be read", err)
			return nil
		}
		if err != nil {
			return err
		}
		if !allowed {
			missing = append(missing, verb)
		}
	}
	if len(missing) > 0 {
		a.add(Problem, p.object, fmt.Sprintf("has parameters of kind %s %s, which %s may not %s: the server cannot evaluate it", p.params.APIVersion, p.params.Kind, a.account.Username(), strings.Join(missing, ", ")),
			"bind a role to the account that may get, list and watch "+resource)
	}
	return nil
}

// resourceOf returns the resource of a kind from the cluster's discovery.
func (a *admissionCheck) resourceOf(apiVersion, kind string) (group, resource string, err error) {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return "", "", err
	}
	list, err := a.cluster.Client.Discovery().ServerResourcesForGroupVersion(apiVersion)
	if err != nil {
		return "", "", err
	}
	for i := range list.APIResources {
		if found := &list.APIResources[i]; found.Kind == kind && !strings.Contains(found.Name, "/") {
			return version.Group, found.Name, nil
		}
	}
	return "", "", fmt.Errorf("the cluster has no kind %s in %s", kind, apiVersion)
}
