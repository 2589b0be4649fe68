// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// reference names an object; the namespace of a cluster-scoped object is empty.
type reference struct {
	kind, namespace, name string
}

func (r reference) String() string {
	if r.namespace == "" {
		return r.kind + " " + r.name
	}
	return r.kind + " " + r.namespace + "/" + r.name
}

// manifest is every object of one installation.
type manifest map[reference]any

// apiService is the part of apiregistration.k8s.io/v1 that an installation uses. Its Go type is in k8s.io/kube-aggregator, which
// nothing else in this module needs.
type apiService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Group                string `json:"group"`
		Version              string `json:"version"`
		GroupPriorityMinimum int32  `json:"groupPriorityMinimum"`
		VersionPriority      int32  `json:"versionPriority"`
		CABundle             []byte `json:"caBundle"`
		Service              *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
			Port      int32  `json:"port"`
		} `json:"service"`
	} `json:"spec"`
}

// certManagerObject is any object of cert-manager; only the Secret of a Certificate is needed here.
type certManagerObject struct {
	Spec struct {
		SecretName string `json:"secretName"`
	} `json:"spec"`
}

// newObject returns an empty object of the type, or nil for an unsupported type. insecureSkipTLSVerify is not in apiService on
// purpose: decoding is strict, so a manifest that has it is refused.
func newObject(apiVersion, kind string) any {
	switch apiVersion + " " + kind {
	case "v1 Namespace":
		return &corev1.Namespace{}
	case "v1 ServiceAccount":
		return &corev1.ServiceAccount{}
	case "v1 ConfigMap":
		return &corev1.ConfigMap{}
	case "v1 Secret":
		return &corev1.Secret{}
	case "v1 Service":
		return &corev1.Service{}
	case "v1 PersistentVolumeClaim":
		return &corev1.PersistentVolumeClaim{}
	case "v1 ResourceQuota":
		return &corev1.ResourceQuota{}
	case "apps/v1 Deployment":
		return &appsv1.Deployment{}
	case "apps/v1 StatefulSet":
		return &appsv1.StatefulSet{}
	case "flowcontrol.apiserver.k8s.io/v1 FlowSchema":
		return &flowcontrolv1.FlowSchema{}
	case "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration":
		return &flowcontrolv1.PriorityLevelConfiguration{}
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networkingv1.NetworkPolicy{}
	case "policy/v1 PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}
	case "rbac.authorization.k8s.io/v1 ClusterRole":
		return &rbacv1.ClusterRole{}
	case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
		return &rbacv1.ClusterRoleBinding{}
	case "rbac.authorization.k8s.io/v1 Role":
		return &rbacv1.Role{}
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		return &rbacv1.RoleBinding{}
	case "apiregistration.k8s.io/v1 APIService":
		return &apiService{}
	}
	return nil
}

// parse reads the documents of a YAML stream. It returns an error for a field that the document's type does not have: an API server
// would silently drop such a field.
func parse(rendered []byte) (manifest, error) {
	objects := manifest{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(rendered)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the next document: %w", err)
		}
		ref, object, err := parseDocument(document)
		if err != nil {
			return nil, err
		}
		if _, found := objects[ref]; found {
			return nil, fmt.Errorf("%s is defined twice", ref)
		}
		objects[ref] = object
	}
}

func parseDocument(document []byte) (reference, any, error) {
	var header metav1.PartialObjectMetadata
	if err := yaml.Unmarshal(document, &header); err != nil {
		return reference{}, nil, fmt.Errorf("reading a document's kind and name: %w", err)
	}
	ref := reference{header.Kind, header.Namespace, header.Name}
	if header.APIVersion == "cert-manager.io/v1" {
		object := &certManagerObject{}
		return ref, object, yaml.Unmarshal(document, object)
	}
	object := newObject(header.APIVersion, header.Kind)
	if object == nil {
		return ref, nil, fmt.Errorf("%s: %s %s is not supported: add it to artifacts/check", ref, header.APIVersion, header.Kind)
	}
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return ref, nil, fmt.Errorf("%s: %w", ref, err)
	}
	return ref, object, nil
}
