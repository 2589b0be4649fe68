// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"

	"github.com/events-apiserver/events-apiserver/pkg/hostevents"
)

// hostStatusCheck is the name of the bridge in /readyz.
const hostStatusCheck = "host-events"

// hostStatus tells how the bridge to the host cluster is doing: in metrics and
// in /readyz?verbose. It never takes readiness away: without the host the server
// still answers, and what is written waits for the host.
type hostStatus struct {
	bridge atomic.Pointer[hostevents.Bridge]
}

// watch makes the server of config tell.
func (h *hostStatus) watch(config *genericapiserver.Config) {
	config.AddReadyzChecks(healthz.NamedCheck(hostStatusCheck, func(*http.Request) error { return nil }))
	build := config.BuildHandlerChainFunc
	config.BuildHandlerChainFunc = func(handler http.Handler, config *genericapiserver.Config) http.Handler {
		return h.tell(build(handler, config))
	}
}

// tell adds what the check says to a verbose answer: a check that passes has no
// words of its own there. Everybody may read it, so it names nothing.
func (h *hostStatus) tell(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if r.URL.Path != "/readyz" || !r.URL.Query().Has("verbose") {
			return
		}
		if bridge := h.bridge.Load(); bridge != nil {
			_, _ = io.WriteString(w, statusText(bridge.Status(), time.Now()))
		}
	})
}

func statusText(status hostevents.Status, now time.Time) string {
	facts := []string{"mode=" + string(status.Mode)}
	add := func(format string, values ...any) { facts = append(facts, fmt.Sprintf(format, values...)) }
	add("leader=%t", status.Leading)
	if status.Leading {
		add("connected=%t", status.Connected)
		add("lag=%s", status.Lag.Round(time.Millisecond))
		add("queue=%d", status.Queue)
	}
	add("host-away=%t", status.HostAway)
	add("failures=%d", status.MirrorFailed+status.WatchFailures)
	ago := func(name string, at time.Time) {
		if !at.IsZero() {
			add("%s=%s ago", name, now.Sub(at).Round(time.Second))
		}
	}
	ago("last-success", status.LastSuccess)
	ago("last-failure", status.LastFailureAt)
	return "[i]" + hostStatusCheck + " " + strings.Join(facts, ", ") + "\n"
}

// register lets the bridge be seen in metrics.
func (h *hostStatus) register() {
	// A second server in one process is not measured; only tests have one.
	if err := legacyregistry.CustomRegister(newHostCollector(h)); err != nil {
		klog.Background().V(2).Info("The bridge to the host cluster is not measured", "err", err)
	}
}

// hostCollector reads the metrics from the status when they are asked for.
type hostCollector struct {
	metrics.BaseStableCollector

	status *hostStatus
	all    []hostMetric
}

// hostMetric is one metric of the bridge.
type hostMetric struct {
	desc  *metrics.Desc
	kind  metrics.ValueType
	value func(hostevents.Status) float64
}

const metricPrefix = "events_apiserver_host_events_"

func newHostCollector(status *hostStatus) *hostCollector {
	c := &hostCollector{status: status}
	add := func(name, help string, kind metrics.ValueType, value func(hostevents.Status) float64) {
		c.all = append(c.all, hostMetric{metrics.NewDesc(metricPrefix+name, help, nil, nil, metrics.ALPHA, ""), kind, value})
	}
	gauge := func(name, help string, value func(hostevents.Status) float64) {
		add(name, help, metrics.GaugeValue, value)
	}
	count := func(name, help string, value func(hostevents.Status) uint64) {
		add(name, help, metrics.CounterValue, func(s hostevents.Status) float64 { return float64(value(s)) })
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

// DescribeWithStability implements metrics.StableCollector.
func (c *hostCollector) DescribeWithStability(ch chan<- *metrics.Desc) {
	for _, each := range c.all {
		ch <- each.desc
	}
}

// CollectWithStability implements metrics.StableCollector.
func (c *hostCollector) CollectWithStability(ch chan<- metrics.Metric) {
	bridge := c.status.bridge.Load()
	if bridge == nil {
		return
	}
	status := bridge.Status()
	for _, each := range c.all {
		ch <- metrics.NewLazyConstMetric(each.desc, each.kind, each.value(status))
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
