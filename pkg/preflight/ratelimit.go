// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

const (
	// limitAction is the action for all findings. The plugin cannot exempt a user.
	limitAction = "in its configuration use limits of type Namespace or SourceAndObject, which see the namespace and the object of the writer, " +
		"or give type User and type Server a qps above the rate at which all clients together write events through events.k8s.io"
	// probeTime is for how long a probe writes at most.
	probeTime = 10 * time.Second
)

// admitted matches the plugin's count of calls in kube-apiserver's metrics.
var admitted = regexp.MustCompile(`(?m)^apiserver_admission_controller_admission_duration_seconds_count\{[^}]*name="EventRateLimit"`)

// checkRateLimit detects the admission plugin EventRateLimit. It ignores dry runs and
// events.k8s.io, so it is only visible in the metrics of kube-apiserver, or by writing core/v1
// events.
func checkRateLimit(ctx context.Context, r *report, cluster Cluster, options Options) error {
	metrics, err := cluster.Get(ctx, "/metrics")
	switch {
	case apierrors.IsForbidden(err):
		r.unchecked("whether EventRateLimit is on, in kube-apiserver's metrics", err)
	case err != nil:
		return fmt.Errorf("reading kube-apiserver's metrics: %w", err)
	case admitted.Match(metrics):
		r.add(Warning, "", "kube-apiserver runs the admission plugin EventRateLimit: it does not look at events.k8s.io, but at the mirrored writes, "+
			"which for a limit of type User are all of one user, "+options.Account.Username()+"; what it refuses is answered and served here, and gets to core/v1 later", limitAction)
	default:
		r.ok("EventRateLimit is off, or kube-apiserver has had no write since it started")
	}
	if options.ProbeWrites == 0 {
		return nil
	}
	return probeLimit(ctx, r, cluster, options)
}

// probeLimit writes events as the account, one after another without a pause, and deletes
// them.
func probeLimit(ctx context.Context, r *report, cluster Cluster, options Options) error {
	events := cluster.AsAccount.CoreV1().Events(options.Account.Namespace)
	bounded, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var made []string
	refused, refusal, begun := 0, "", time.Now()
	var failure error
	for range options.ProbeWrites {
		event := probeEvent(options.Account)
		_, err := events.Create(bounded, event, metav1.CreateOptions{})
		if bounded.Err() != nil {
			break
		}
		if apierrors.IsTooManyRequests(err) {
			refused++
			refusal = err.Error()
			continue
		}
		if err != nil {
			failure = fmt.Errorf("writing an event as %s: %w", options.Account.Username(), err)
			break
		}
		made = append(made, event.Name)
	}
	took := time.Since(begun)
	for _, name := range made {
		if err := events.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			r.add(Warning, "Event/"+name, "was written by this check and is not deleted: "+err.Error(), "delete it, or wait until it expires")
		}
	}
	switch {
	case apierrors.IsForbidden(failure):
		r.unchecked("whether writes are limited", failure)
	case failure != nil:
		return failure
	case refused > 0:
		r.add(Problem, "", fmt.Sprintf("of %d events that were written in %s %d were refused with 429: %s", len(made)+refused, took.Round(time.Millisecond), refused, refusal), limitAction)
	default:
		r.ok(fmt.Sprintf("%d events were written in %s, and none was refused", len(made), took.Round(time.Millisecond)))
	}
	return nil
}

func probeEvent(account Account) *corev1.Event {
	now := metav1.Now()
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: "preflight-" + rand.String(10), Namespace: account.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "ServiceAccount", Namespace: account.Namespace, Name: account.Name},
		Reason:         "Preflight", Message: "written to see whether events are limited; it will be deleted",
		Source: corev1.EventSource{Component: "events-apiserver"}, Type: corev1.EventTypeNormal,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}
}
