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

// leastGrace is the time for the shutdown of the server, in seconds: a minute for requests in flight, ten seconds for watches.
const leastGrace = 70

// checkServer reports what would prevent events-apiserver from opening its store, or would lose its events. It ignores Deployments of
// other programs.
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

// flag returns the value of the last argument that sets the flag, which is the one that the server uses.
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
		problems = append(problems, "startupProbe is missing: livenessProbe would repeatedly kill a server with a long start")
	}
	if grace := s.pod.TerminationGracePeriodSeconds; grace == nil || *grace <= leastGrace {
		problems = append(problems, fmt.Sprintf("terminationGracePeriodSeconds is not above %d: requests would be aborted, and the store not closed", leastGrace))
	}
	return problems
}

// checkEmbedded requires one pod at a time, with a volume that outlives it.
func (s *server) checkEmbedded() []string {
	var problems []string
	if replicas := s.deployment.Replicas; replicas != nil && *replicas != 1 {
		problems = append(problems, fmt.Sprintf("replicas is %d, want 1: only one server can use a data directory; several need --storage=etcd", *replicas))
	}
	if got := s.deployment.Strategy.Type; got != appsv1.RecreateDeploymentStrategyType {
		problems = append(problems, fmt.Sprintf("strategy.type is %q, want Recreate: a new pod cannot open the data directory while the old one runs", got))
	}
	if s.pod.SecurityContext == nil || s.pod.SecurityContext.FSGroup == nil {
		problems = append(problems, "securityContext.fsGroup is not set: the volume belongs to root, and the server does not run as root")
	}
	if c := s.pod.SecurityContext; c == nil || c.FSGroupChangePolicy == nil || *c.FSGroupChangePolicy != corev1.FSGroupChangeOnRootMismatch {
		problems = append(problems, "securityContext.fsGroupChangePolicy is not OnRootMismatch: each start would give the group access to the data directory")
	}
	for _, argument := range s.container.Args {
		if strings.HasPrefix(argument, "--etcd-") {
			problems = append(problems, fmt.Sprintf("%s is refused without --storage=etcd", argument))
		}
	}
	return slices.Concat(problems, s.checkDataDir(), s.checkBudgets())
}

// checkDataDir requires that --data-dir is on the volume of a claim.
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
	return []string{fmt.Sprintf("the volume of --data-dir=%s is not a persistentVolumeClaim: the events would be lost with the pod", dir)}
}

// mountOf returns the mount that contains the directory, the innermost one if there are several.
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
			return []string{fmt.Sprintf("%s has the access mode %s: a data directory must not be on a volume that several nodes can write", ref, mode)}
		}
	}
	return nil
}

// checkBudgets requires that the only pod can be evicted.
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
			problems = append(problems, fmt.Sprintf("%s would block every drain of the pod's node, because there is no other pod", ref))
		}
	}
	slices.Sort(problems)
	return problems
}

// checkEtcd requires that a second replica can run on another node.
func (s *server) checkEtcd() []string {
	var problems []string
	if s.flag("etcd-servers") == "" {
		problems = append(problems, "--storage=etcd is given without --etcd-servers")
	}
	if s.flag("data-dir") != "" {
		problems = append(problems, "--data-dir is refused with --storage=etcd")
	}
	if s.deployment.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		problems = append(problems, "strategy.type is Recreate: with --storage=etcd the new pod can start before the old one ends, want RollingUpdate")
	}
	for _, volume := range s.pod.Volumes {
		if volume.PersistentVolumeClaim != nil {
			problems = append(problems, fmt.Sprintf("the volume %s is a persistentVolumeClaim: with --storage=etcd it would needlessly tie all pods to one node", volume.Name))
		}
	}
	return problems
}
