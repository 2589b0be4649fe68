// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	automanagedLabel = "kube-aggregator.kubernetes.io/automanaged"
	// The selector with which docs/install.md applies and deletes everything except the APIService.
	componentLabel        = "app.kubernetes.io/component"
	registrationComponent = "registration"
	injectCAAnnotation    = "cert-manager.io/inject-ca-from"
)

// checkRegistration reports what would prevent kube-apiserver from sending the group's requests to the server, now or after a restart.
func checkRegistration(objects manifest) []string {
	ref := reference{kind: "APIService", name: "v1.events.k8s.io"}
	service, found := objects[ref].(*apiService)
	if !found {
		return []string{ref.String() + " is missing"}
	}
	problems := slices.Concat(checkLabels(service), checkCA(objects, service), checkService(objects, service))
	for i := range problems {
		problems[i] = ref.String() + ": " + problems[i]
	}
	return problems
}

func checkLabels(service *apiService) []string {
	var problems []string
	if got := service.Labels[automanagedLabel]; got != "false" {
		problems = append(problems, fmt.Sprintf("label %s is %q, want \"false\": kube-apiserver would undo the registration when it starts",
			automanagedLabel, got))
	}
	if got := service.Labels[componentLabel]; got != registrationComponent {
		problems = append(problems, fmt.Sprintf("label %s is %q, want %q: the documented selector would miss it", componentLabel, got, registrationComponent))
	}
	return problems
}

// checkCA requires a CA in the object itself, or the annotation for cert-manager to inject one.
func checkCA(objects manifest, service *apiService) []string {
	if from := service.Annotations[injectCAAnnotation]; from != "" {
		namespace, name, _ := strings.Cut(from, "/")
		return objects.need(reference{"Certificate", namespace, name})
	}
	block, _ := pem.Decode(service.Spec.CABundle)
	if block == nil || block.Type != "CERTIFICATE" {
		return []string{"spec.caBundle has no certificate in PEM form: kube-apiserver could not verify the server"}
	}
	for ref, object := range objects {
		secret, ok := object.(*corev1.Secret)
		if ok && len(secret.Data["ca.crt"]) > 0 && !bytes.Equal(secret.Data["ca.crt"], service.Spec.CABundle) {
			return []string{fmt.Sprintf("spec.caBundle is not ca.crt of %s", ref)}
		}
	}
	return nil
}

func checkService(objects manifest, registered *apiService) []string {
	if registered.Spec.Service == nil {
		return []string{"has no service"}
	}
	ref := reference{"Service", registered.Spec.Service.Namespace, registered.Spec.Service.Name}
	service, found := objects[ref].(*corev1.Service)
	if !found {
		return objects.need(ref)
	}
	for _, port := range service.Spec.Ports {
		if port.Port != registered.Spec.Service.Port {
			continue
		}
		if service.Spec.Type == corev1.ServiceTypeExternalName || hasPort(objects, service, port) {
			return nil
		}
		return []string{fmt.Sprintf("%s does not lead to a container port %s of a Deployment", ref, port.TargetPort.String())}
	}
	return []string{fmt.Sprintf("%s has no port %d", ref, registered.Spec.Service.Port)}
}

func hasPort(objects manifest, service *corev1.Service, port corev1.ServicePort) bool {
	selector := labels.SelectorFromSet(service.Spec.Selector)
	for ref, object := range objects {
		deployment, ok := object.(*appsv1.Deployment)
		if !ok || ref.namespace != service.Namespace || !selector.Matches(labels.Set(deployment.Spec.Template.Labels)) {
			continue
		}
		for _, container := range deployment.Spec.Template.Spec.Containers {
			for _, open := range container.Ports {
				if open.ContainerPort == port.TargetPort.IntVal {
					return true
				}
			}
		}
	}
	return false
}
