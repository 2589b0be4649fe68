// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// checkPod reports what prevents a pod from starting: references to missing objects, and what the namespace's pod security profile
// refuses.
func checkPod(objects manifest, namespace string, pod corev1.PodSpec) []string {
	problems := objects.need(reference{"ServiceAccount", namespace, pod.ServiceAccountName})
	for _, volume := range pod.Volumes {
		if volume.Secret != nil {
			problems = append(problems, needSecret(objects, namespace, volume.Secret.SecretName)...)
		}
		if volume.ConfigMap != nil {
			problems = append(problems, objects.need(reference{"ConfigMap", namespace, volume.ConfigMap.Name})...)
		}
		if volume.PersistentVolumeClaim != nil {
			problems = append(problems, objects.need(reference{"PersistentVolumeClaim", namespace, volume.PersistentVolumeClaim.ClaimName})...)
		}
	}
	if !isTrue(pod.SecurityContext, func(c *corev1.PodSecurityContext) *bool { return c.RunAsNonRoot }) {
		problems = append(problems, "securityContext.runAsNonRoot is not true")
	}
	if c := pod.SecurityContext; c == nil || c.SeccompProfile == nil || c.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		problems = append(problems, "securityContext.seccompProfile is not RuntimeDefault")
	}
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, problem := range checkContainer(objects, namespace, container) {
			problems = append(problems, fmt.Sprintf("container %s: %s", container.Name, problem))
		}
	}
	return problems
}

// needSecret also accepts a Secret that a Certificate of cert-manager creates.
func needSecret(objects manifest, namespace, name string) []string {
	for ref, object := range objects {
		made, ok := object.(*certManagerObject)
		if ok && ref.kind == "Certificate" && ref.namespace == namespace && made.Spec.SecretName == name {
			return nil
		}
	}
	return objects.need(reference{"Secret", namespace, name})
}

func checkContainer(objects manifest, namespace string, container corev1.Container) []string {
	var problems []string
	for _, variable := range container.Env {
		if variable.ValueFrom != nil && variable.ValueFrom.ConfigMapKeyRef != nil {
			problems = append(problems, checkKey(objects, namespace, variable.ValueFrom.ConfigMapKeyRef)...)
		}
	}
	context := container.SecurityContext
	if !isTrue(context, func(c *corev1.SecurityContext) *bool { return c.ReadOnlyRootFilesystem }) {
		problems = append(problems, "securityContext.readOnlyRootFilesystem is not true")
	}
	if context == nil || context.AllowPrivilegeEscalation == nil || *context.AllowPrivilegeEscalation {
		problems = append(problems, "securityContext.allowPrivilegeEscalation is not false")
	}
	if context == nil || context.Capabilities == nil || !slices.Equal(context.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(context.Capabilities.Add) > 0 {
		problems = append(problems, "securityContext.capabilities does not drop ALL and add none")
	}
	if container.Resources.Requests.Cpu().IsZero() || container.Resources.Limits.Memory().IsZero() {
		problems = append(problems, "resources has no CPU request or no memory limit")
	}
	return problems
}

func checkKey(objects manifest, namespace string, key *corev1.ConfigMapKeySelector) []string {
	ref := reference{"ConfigMap", namespace, key.Name}
	config, found := objects[ref].(*corev1.ConfigMap)
	if !found {
		return objects.need(ref)
	}
	if config.Data[key.Key] == "" {
		return []string{fmt.Sprintf("%s has no value for %s", ref, key.Key)}
	}
	return nil
}

func isTrue[T any](context *T, field func(*T) *bool) bool {
	return context != nil && field(context) != nil && *field(context)
}
