// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// ownPrefix is what the names of the store's own metrics begin with.
const ownPrefix = "events_apiserver_store_"

// samples are the metrics of a server: each value by its name and labels,
// like lists_total{index="none"}.
type samples struct {
	values map[string]float64
	// types and help are by name without labels.
	types, help map[string]string
}

// scrape reads the metrics of a server whose names begin with a prefix, which it
// takes off.
func scrape(t *testing.T, config *rest.Config, prefix string) samples {
	t.Helper()
	text, err := get(t, config, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	s := samples{values: map[string]float64{}, types: map[string]string{}, help: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if described, ok := strings.CutPrefix(line, "# TYPE "+prefix); ok {
			name, kind, _ := strings.Cut(described, " ")
			s.types[name] = kind
			continue
		}
		if described, ok := strings.CutPrefix(line, "# HELP "+prefix); ok {
			name, help, _ := strings.Cut(described, " ")
			s.help[name] = help
			continue
		}
		sample, ok := strings.CutPrefix(line, prefix)
		if !ok {
			continue
		}
		end := strings.LastIndex(sample, " ")
		value, err := strconv.ParseFloat(sample[end+1:], 64)
		if err != nil {
			t.Fatalf("no value in %q: %v", line, err)
		}
		s.values[sample[:end]] = value
	}
	return s
}

// storeMetrics are the store's own.
func storeMetrics(t *testing.T, config *rest.Config) samples {
	t.Helper()
	return scrape(t, config, ownPrefix)
}

// value is -1 where there is none.
func (s samples) value(sample string) float64 {
	if value, ok := s.values[sample]; ok {
		return value
	}
	return -1
}

// labels are the names of the labels that a metric has, by its name. Those of the
// parts of a histogram are not its own.
func (s samples) labels() map[string][]string {
	all := map[string][]string{}
	for sample := range s.values {
		name, rest, _ := strings.Cut(sample, "{")
		if _, ok := s.types[name]; !ok {
			name = name[:max(0, strings.LastIndex(name, "_"))]
		}
		for pair := range strings.SplitSeq(strings.TrimSuffix(rest, "}"), ",") {
			label, _, found := strings.Cut(pair, "=")
			if found && label != "le" && !slices.Contains(all[name], label) {
				all[name] = append(all[name], label)
			}
		}
	}
	for _, labels := range all {
		slices.Sort(labels)
	}
	return all
}
