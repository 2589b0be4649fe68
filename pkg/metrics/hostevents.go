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

// hostCollector reads the metrics from the status when they are asked for.
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
	gauge("leader", "Whether this process takes in the host cluster's events.", func(s hostevents.Status) float64 { return truth(s.Leading) })
	gauge("connected", "Whether the watch of the host cluster's events is open; on the leader.", func(s hostevents.Status) float64 { return truth(s.Connected) })
	gauge("lag_seconds", "For how long the oldest change received from the host cluster has not been stored, or for how long there has been no watch; on the leader.",
		func(s hostevents.Status) float64 { return s.Lag.Seconds() })
	gauge("queue_length", "Events that wait to be made equal in the host cluster; on the leader.", func(s hostevents.Status) float64 { return float64(s.Queue) })
	gauge("host_away", "Whether writes go to the queue since the host cluster fails.", func(s hostevents.Status) float64 { return truth(s.HostAway) })
	gauge("resource_version_ahead", "Whether resource versions here were above those of the host cluster when its watch was last opened; on the leader.",
		func(s hostevents.Status) float64 { return truth(s.VersionsAhead) })
	gauge("last_success_timestamp_seconds", "When the host cluster last answered a write, or a change of it was last stored.", func(s hostevents.Status) float64 { return seconds(s.LastSuccess) })
	gauge("last_failure_timestamp_seconds", "When the host cluster could last not be reached.", func(s hostevents.Status) float64 { return seconds(s.LastFailureAt) })
	count("mirrored_total", "Writes made in the host cluster.", func(s hostevents.Status) uint64 { return s.Mirrored })
	count("refused_total", "Writes that the host cluster refused, or that were tried again on its newer state.", func(s hostevents.Status) uint64 { return s.MirrorRefused })
	count("failed_total", "Writes for which the host cluster could not be reached in time.", func(s hostevents.Status) uint64 { return s.MirrorFailed })
	count("postponed_total", "Writes put into the queue.", func(s hostevents.Status) uint64 { return s.Postponed })
	count("settled_total", "Events taken from the queue since they are equal in the host cluster.", func(s hostevents.Status) uint64 { return s.Settled })
	count("settle_refused_total", "Writes from the queue that the host cluster rejected, and which were undone here.", func(s hostevents.Status) uint64 { return s.SettleRefused })
	count("taken_in_total", "States of events taken in from the host cluster.", func(s hostevents.Status) uint64 { return s.TakenIn })
	count("lists_total", "Times that all events of the host cluster were listed.", func(s hostevents.Status) uint64 { return s.Lists })
	count("watch_failures_total", "Times that the watch of the host cluster's events failed.", func(s hostevents.Status) uint64 { return s.WatchFailures })
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

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// seconds is the time as metrics have it; zero for none.
func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}
