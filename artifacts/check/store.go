// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// leastGrace is how long the server may take to end, in seconds: a minute for requests in flight, ten seconds for watches.
const leastGrace = 70

// checkServer reports what would keep events-apiserver from having its store, and an installation from keeping its events. It has
// nothing to say about a Deployment of another program.
func checkServer(objects manifest, namespace string, deployment *appsv1.DeploymentSpec) []string {
	pod := deployment.Template.Spec
	for _, container := range pod.Containers {
		if len(container.Args) == 0 || container.Args[0] != "serve" {
			continue
		}
		s := server{objects, namespace, deployment, &pod, &container}
		problems := s.checkEnds()
		if s.flag("storage") == "etcd" {
			return append(problems, s.checkEtcd()...)
		}
		return append(problems, s.checkEmbedded()...)
	}
	return nil
}

// server is a Deployment of events-apiserver in its installation.
type server struct {
	objects    manifest
	namespace  string
	deployment *appsv1.DeploymentSpec
	pod        *corev1.PodSpec
	container  *corev1.Container
}

// flag is the value of the last argument that sets the flag, as it is for the server.
func (s *server) flag(name string) string {
	value := ""
	for _, argument := range s.container.Args {
		if given, ok := strings.CutPrefix(argument, "--"+name+"="); ok {
			value = given
		}
	}
	return value
}

func (s *server) checkEnds() []string {
	var problems []string
	if s.container.StartupProbe == nil {
		problems = append(problems, "startupProbe is missing: livenessProbe would end a server that takes long to start, again and again")
	}
	if grace := s.pod.TerminationGracePeriodSeconds; grace == nil || *grace <= leastGrace {
		problems = append(problems, fmt.Sprintf("terminationGracePeriodSeconds is not above %d: requests would be broken off, and the store with them", leastGrace))
	}
	return problems
}

// checkEmbedded wants one pod at a time, with a volume that outlives it.
func (s *server) checkEmbedded() []string {
	var problems []string
	if replicas := s.deployment.Replicas; replicas != nil && *replicas != 1 {
		problems = append(problems, fmt.Sprintf("replicas is %d, want 1: a data directory is for one server; several share an etcd, with --storage=etcd", *replicas))
	}
	if got := s.deployment.Strategy.Type; got != appsv1.RecreateDeploymentStrategyType {
		problems = append(problems, fmt.Sprintf("strategy.type is %q, want Recreate: a new pod cannot open the data directory while the old one runs", got))
	}
	if s.pod.SecurityContext == nil || s.pod.SecurityContext.FSGroup == nil {
		problems = append(problems, "securityContext.fsGroup is not set: a volume belongs to root, and the server is not root")
	}
	if c := s.pod.SecurityContext; c == nil || c.FSGroupChangePolicy == nil || *c.FSGroupChangePolicy != corev1.FSGroupChangeOnRootMismatch {
		problems = append(problems, "securityContext.fsGroupChangePolicy is not OnRootMismatch: each start would open the data directory to the group")
	}
	for _, argument := range s.container.Args {
		if strings.HasPrefix(argument, "--etcd-") {
			problems = append(problems, fmt.Sprintf("%s is refused without --storage=etcd", argument))
		}
	}
	return slices.Concat(problems, s.checkDataDir(), s.checkBudgets())
}

// checkDataDir follows --data-dir to a claim.
func (s *server) checkDataDir() []string {
	dir := s.flag("data-dir")
	if !strings.HasPrefix(dir, "/") {
		return []string{fmt.Sprintf("--data-dir is %q, want a directory on a volume", dir)}
	}
	mount := s.mountOf(dir)
	if mount == nil {
		return []string{fmt.Sprintf("no volume is mounted at --data-dir=%s or above it", dir)}
	}
	if mount.ReadOnly {
		return []string{fmt.Sprintf("the volume of --data-dir=%s is mounted read-only", dir)}
	}
	for _, volume := range s.pod.Volumes {
		if volume.Name == mount.Name && volume.PersistentVolumeClaim != nil {
			return s.checkClaim(volume.PersistentVolumeClaim.ClaimName)
		}
	}
	return []string{fmt.Sprintf("the volume of --data-dir=%s is no persistentVolumeClaim: the events would go with the pod", dir)}
}

// mountOf returns the mount that holds the directory, which is the innermost one.
func (s *server) mountOf(dir string) *corev1.VolumeMount {
	var found *corev1.VolumeMount
	for i, mount := range s.container.VolumeMounts {
		path := strings.TrimSuffix(mount.MountPath, "/")
		if dir != path && !strings.HasPrefix(dir, path+"/") {
			continue
		}
		if found == nil || len(path) > len(strings.TrimSuffix(found.MountPath, "/")) {
			found = &s.container.VolumeMounts[i]
		}
	}
	return found
}

func (s *server) checkClaim(name string) []string {
	ref := reference{"PersistentVolumeClaim", s.namespace, name}
	claim, found := s.objects[ref].(*corev1.PersistentVolumeClaim)
	if !found {
		return nil // reported with the pod's volumes
	}
	for _, mode := range claim.Spec.AccessModes {
		if mode != corev1.ReadWriteOnce && mode != corev1.ReadWriteOncePod {
			return []string{fmt.Sprintf("%s has the access mode %s: a volume that several nodes write to is no place for a data directory", ref, mode)}
		}
	}
	return nil
}

// checkBudgets wants no promise that the one pod is never evicted.
func (s *server) checkBudgets() []string {
	var problems []string
	for ref, object := range s.objects {
		budget, ok := object.(*policyv1.PodDisruptionBudget)
		if !ok || ref.namespace != s.namespace {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(s.deployment.Template.Labels)) {
			continue
		}
		if most := budget.Spec.MaxUnavailable; most == nil || most.String() == "0" || most.String() == "0%" {
			problems = append(problems, fmt.Sprintf("%s would stop every drain of the pod's node, there being no other pod", ref))
		}
	}
	slices.Sort(problems)
	return problems
}

// checkEtcd wants nothing that a second replica, on another node, could not have.
func (s *server) checkEtcd() []string {
	var problems []string
	if s.flag("etcd-servers") == "" {
		problems = append(problems, "--storage=etcd is given without --etcd-servers")
	}
	if s.flag("data-dir") != "" {
		problems = append(problems, "--data-dir is refused with --storage=etcd")
	}
	if s.deployment.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		problems = append(problems, "strategy.type is Recreate: with --storage=etcd the new pod can be there before the old one goes, want RollingUpdate")
	}
	for _, volume := range s.pod.Volumes {
		if volume.PersistentVolumeClaim != nil {
			problems = append(problems, fmt.Sprintf("the volume %s is a persistentVolumeClaim: with --storage=etcd it would tie all pods to one node for nothing", volume.Name))
		}
	}
	return problems
}
