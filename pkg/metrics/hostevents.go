// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"time"

	basemetrics "k8s.io/component-base/metrics"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// hostEventsPrefix is what the names of the bridge's metrics begin with.
const hostEventsPrefix = namespace + "_host_events_"

// RegisterHostEvents registers the metrics of the bridge to the host cluster, with what
// status returns at each scrape. It returns an error if they are registered already.
func (r *Registry) RegisterHostEvents(status func() hostevents.Status) error {
	if err := r.own.CustomRegister(newHostCollector(status)); err != nil {
		return fmt.Errorf("registering the metrics of the bridge to the host cluster: %w", err)
	}
	return nil
}

// hostCollector reads the metrics from the status at each scrape.
type hostCollector struct {
	basemetrics.BaseStableCollector

	status func() hostevents.Status
	all    []hostMetric
}

// hostMetric is one metric of the bridge.
type hostMetric struct {
	desc  *basemetrics.Desc
	kind  basemetrics.ValueType
	value func(hostevents.Status) float64
}

func newHostCollector(status func() hostevents.Status) *hostCollector {
	c := &hostCollector{status: status}
	add := func(name, help string, kind basemetrics.ValueType, value func(hostevents.Status) float64) {
		c.all = append(c.all, hostMetric{basemetrics.NewDesc(hostEventsPrefix+name, help, nil, nil, basemetrics.ALPHA, ""), kind, value})
	}
	gauge := func(name, help string, value func(hostevents.Status) float64) {
		add(name, help, basemetrics.GaugeValue, value)
	}
	count := func(name, help string, value func(hostevents.Status) uint64) {
		add(name, help, basemetrics.CounterValue, func(s hostevents.Status) float64 { return float64(value(s)) })
	}
	gauge("leader", "1 if this process ingests the events of the host cluster and drains the queue, 0 otherwise.", func(s hostevents.Status) float64 { return boolValue(s.Leading) })
	gauge("connected", "1 while the watch of the events of the host cluster is open, on the leader.", func(s hostevents.Status) float64 { return boolValue(s.Connected) })
	gauge("lag_seconds", "Age of the oldest change received from the host cluster that is not stored yet, or time without a watch, in seconds, on the leader.",
		func(s hostevents.Status) float64 { return s.Lag.Seconds() })
	gauge("queue_length", "Events that are still to be written to the host cluster, on the leader.", func(s hostevents.Status) float64 { return float64(s.Queue) })
	gauge("host_available", "1 if writes are sent to the host cluster, 0 while they go to the queue at once because it fails.", func(s hostevents.Status) float64 { return boolValue(s.HostAvailable) })
	gauge("resource_version_ahead", "1 if the resource versions of this server were above those of the host cluster when its watch was last opened, on the leader.",
		func(s hostevents.Status) float64 { return boolValue(s.VersionsAhead) })
	gauge("last_success_timestamp_seconds", "Unix time of the last answer of the host cluster to a write, or of the last change of it that was stored.", func(s hostevents.Status) float64 { return unixSeconds(s.LastSuccess) })
	gauge("last_failure_timestamp_seconds", "Unix time of the last failure to reach the host cluster.", func(s hostevents.Status) float64 { return unixSeconds(s.LastFailureAt) })
	count("mirrored_total", "Writes made in the host cluster.", func(s hostevents.Status) uint64 { return s.Mirrored })
	count("refused_total", "Writes that the host cluster refused, or that were retried on its newer state.", func(s hostevents.Status) uint64 { return s.MirrorRefused })
	count("failed_total", "Writes for which the host cluster could not be reached in time.", func(s hostevents.Status) uint64 { return s.MirrorFailed })
	count("postponed_total", "Writes put into the queue.", func(s hostevents.Status) uint64 { return s.Postponed })
	count("queue_drained_total", "Events removed from the queue because the host cluster has their state.", func(s hostevents.Status) uint64 { return s.Drained })
	count("queue_rejected_total", "Writes from the queue that the host cluster rejected, and that were reverted here.", func(s hostevents.Status) uint64 { return s.DrainRejected })
	count("ingested_total", "States of events that were ingested from the host cluster.", func(s hostevents.Status) uint64 { return s.Ingested })
	count("lists_total", "Complete lists of the events of the host cluster.", func(s hostevents.Status) uint64 { return s.Lists })
	count("watch_failures_total", "Failures of the watch of the events of the host cluster.", func(s hostevents.Status) uint64 { return s.WatchFailures })
	return c
}

// DescribeWithStability implements basemetrics.StableCollector.
func (c *hostCollector) DescribeWithStability(ch chan<- *basemetrics.Desc) {
	for _, each := range c.all {
		ch <- each.desc
	}
}

// CollectWithStability implements basemetrics.StableCollector.
func (c *hostCollector) CollectWithStability(ch chan<- basemetrics.Metric) {
	status := c.status()
	for _, each := range c.all {
		ch <- basemetrics.NewLazyConstMetric(each.desc, each.kind, each.value(status))
	}
}

func boolValue(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// unixSeconds is the time as a metric value; zero for none.
func unixSeconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}
