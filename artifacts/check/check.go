// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// check returns the problems of an installation, ordered by the names of its objects.
func check(objects manifest) []string {
	problems := checkRegistration(objects)
	byName := func(a, b reference) int { return cmp.Compare(a.String(), b.String()) }
	for _, ref := range slices.SortedFunc(maps.Keys(objects), byName) {
		for _, problem := range checkObject(objects, ref) {
			problems = append(problems, ref.String()+": "+problem)
		}
	}
	return problems
}

func checkObject(objects manifest, ref reference) []string {
	problems := objects.need(reference{kind: "Namespace", name: ref.namespace})
	switch object := objects[ref].(type) {
	case *rbacv1.ClusterRoleBinding:
		return append(problems, checkSubjects(objects, object.Subjects)...)
	case *rbacv1.RoleBinding:
		problems = append(problems, checkRole(objects, ref.namespace, object.RoleRef)...)
		return append(problems, checkSubjects(objects, object.Subjects)...)
	case *corev1.Secret:
		return append(problems, checkSecret(object)...)
	case *appsv1.Deployment:
		problems = append(problems, checkPod(objects, ref.namespace, object.Spec.Template.Spec)...)
		problems = append(problems, checkFlowOf(objects, reference{"ServiceAccount", ref.namespace, object.Spec.Template.Spec.ServiceAccountName})...)
		return append(problems, checkServer(objects, ref.namespace, &object.Spec)...)
	case *flowcontrolv1.FlowSchema:
		return append(problems, checkFlowSchema(objects, object)...)
	case *appsv1.StatefulSet:
		return append(problems, checkPod(objects, ref.namespace, object.Spec.Template.Spec)...)
	}
	return problems
}

// need reports a reference to a missing object. An empty name is not a reference, and kube-system exists in every cluster.
func (m manifest) need(ref reference) []string {
	if _, found := m[ref]; found || ref.name == "" || ref == (reference{kind: "Namespace", name: "kube-system"}) {
		return nil
	}
	return []string{fmt.Sprintf("needs %s, which is missing", ref)}
}

// checkRole reports a reference to a missing Role. The Roles of kube-system exist in every cluster.
func checkRole(objects manifest, namespace string, role rbacv1.RoleRef) []string {
	if role.Kind != "Role" || namespace == "kube-system" {
		return nil
	}
	return objects.need(reference{role.Kind, namespace, role.Name})
}

func checkSubjects(objects manifest, subjects []rbacv1.Subject) []string {
	problems := make([]string, 0, len(subjects))
	for _, subject := range subjects {
		problems = append(problems, objects.need(reference{subject.Kind, subject.Namespace, subject.Name})...)
	}
	return problems
}

func checkSecret(secret *corev1.Secret) []string {
	if _, found := secret.Data["ca.key"]; found {
		return []string{"has the CA's private key, which must not be stored in the cluster"}
	}
	return nil
}
