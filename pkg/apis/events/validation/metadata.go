// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func validateObjectMeta(objectMeta *metav1.ObjectMeta, path *field.Path) field.ErrorList {
	const namespaced = true
	errs := apimachineryvalidation.ValidateObjectMeta(objectMeta, namespaced, nameIsValid, path)
	return append(errs, validateFinalizerNames(objectMeta.Finalizers, path.Child("finalizers"))...)
}

func validateObjectMetaUpdate(updated, old *metav1.ObjectMeta, path *field.Path) field.ErrorList {
	errs := apimachineryvalidation.ValidateObjectMetaUpdate(updated, old, path)
	return append(errs, validateFinalizerNames(updated.Finalizers, path.Child("finalizers"))...)
}

// validateFinalizerNames rejects an unqualified name that is not one of Kubernetes' own: no
// controller would ever remove it, so the event could not be deleted.
func validateFinalizerNames(finalizers []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, name := range finalizers {
		if strings.Contains(name, "/") || isStandardFinalizer(name) {
			continue
		}
		errs = append(errs, field.Invalid(path.Index(i), name, "name is neither a standard finalizer name nor is it fully qualified"))
	}
	return errs
}

func isStandardFinalizer(name string) bool {
	switch name {
	case string(corev1.FinalizerKubernetes), metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents:
		return true
	}
	return false
}
