// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/events-apiserver/events-apiserver/pkg/cmd/server/options"
	"github.com/events-apiserver/events-apiserver/test/golden"
	"github.com/events-apiserver/events-apiserver/test/integration/testserver"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // how go test takes a flag

// documented are the rows of a table in docs/metrics.md: the cells by the name
// in the first one.
func documented(t *testing.T, heading string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/metrics.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name, isName := strings.CutPrefix(cells[0], "`")
		if !strings.HasPrefix(line, "|") || !isName {
			continue
		}
		name = strings.TrimSuffix(name, "`")
		if _, twice := rows[name]; twice {
			t.Errorf("%s is documented twice", name)
		}
		rows[name] = cells[1:]
	}
	return rows
}

// docs/metrics.md has all metrics of the store and no others.
func TestMetrics_AreDocumented(t *testing.T) {
	t.Parallel()
	server := testserver.Start(t, testserver.Config{})
	served := storeMetrics(t, server.Admin)
	rows := documented(t, "The embedded store")
	for name, kind := range served.types {
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s is served and not in docs/metrics.md", name)
			continue
		}
		if row[0] != kind {
			t.Errorf("%s is a %s, and a %s in docs/metrics.md", name, kind, row[0])
		}
		if want := unitOf(name); want != "" && row[1] != want || want == "" && (row[1] == "seconds" || row[1] == "bytes" || row[1] == "") {
			t.Errorf("%s is in %q in docs/metrics.md, which its name does not say", name, row[1])
		}
		if row[2] == "" || !strings.HasPrefix(served.help[name], "[ALPHA] ") || len(served.help[name]) < 20 {
			t.Errorf("%s is not explained: %q, and in docs/metrics.md %q", name, served.help[name], row[2])
		}
		if strings.HasSuffix(name, "_total") != (kind == "counter") {
			t.Errorf("%s is a %s", name, kind)
		}
	}
	for name := range rows {
		if _, ok := served.types[name]; !ok {
			t.Errorf("%s is in docs/metrics.md and not served", name)
		}
	}
}

// What is built on the metrics, as alerts and dashboards are, breaks if one is
// renamed or gets other labels.
func TestMetrics_Names(t *testing.T) {
	t.Parallel()
	server := testserver.Start(t, testserver.Config{})
	createMany(t, jsonClient(t, server.Admin), "some", 1)
	const prefix = "events_apiserver_"
	served := scrape(t, server.Admin, prefix)
	labels := served.labels()
	var lines []string
	for name, kind := range served.types {
		lines = append(lines, fmt.Sprintf("%s%s %s {%s}\n", prefix, name, kind, strings.Join(labels[name], ",")))
	}
	slices.Sort(lines)
	golden.Compare(t, filepath.Join("testdata", "metrics.txt"), strings.Join(lines, ""), *update)
}

// unitOf returns the unit that the suffix of a name stands for.
func unitOf(name string) string {
	for _, unit := range []string{"seconds", "bytes"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return ""
}

// Two servers of one process each have the metrics of their own store.
func TestMetrics_TellOfOwnStore(t *testing.T) {
	t.Parallel()
	one, other := testserver.Start(t, testserver.Config{}), testserver.Start(t, testserver.Config{})
	client := jsonClient(t, one.Admin)
	createMany(t, client, "some", 3)
	if err := client.Events(namespace).Delete(t.Context(), "some-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	list, err := client.Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.uid=uid-some-1"})
	if err != nil || len(list.Items) != 1 {
		t.Fatal(names(list.Items), err)
	}
	watcher, err := client.Events(namespace).Watch(t.Context(), listEverything())
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	eventually(t, "the watch to be counted", func() bool { return storeMetrics(t, one.Admin).value("watchers") == 1 })
	// The age is known when expiry has looked for the first time.
	eventually(t, "the age of the oldest event", func() bool { return storeMetrics(t, one.Admin).value("oldest_event_age_seconds") > 0 })

	got := storeMetrics(t, one.Admin)
	for sample, want := range map[string]float64{
		"events": 2, "revision": 5, "compact_revision": 1, "commit_operations_sum": 4, "write_failed": 0, "refusing_writes": 0, "refused_writes_total": 0,
		`lists_total{index="regarding.uid"}`: 1, `list_read_events_total{index="regarding.uid"}`: 1, `list_returned_events_total{index="regarding.uid"}`: 1,
		`lists_total{index="reason"}`: 0, `index_ready{index="regarding.uid"}`: 1,
	} {
		if got.value(sample) != want {
			t.Errorf("%s is %v, want %v", sample, got.value(sample), want)
		}
	}
	for _, sample := range []string{"event_bytes", "disk_bytes", "disk_free_bytes", "watch_buffer_bytes", "commit_duration_seconds_sum"} {
		if got.value(sample) <= 0 {
			t.Errorf("%s is %v", sample, got.value(sample))
		}
	}
	if age := got.value("oldest_event_age_seconds"); age > time.Since(list.Items[0].CreationTimestamp.Time).Seconds()+1 {
		t.Errorf("the oldest event is %v seconds old", age)
	}
	for sample, value := range storeMetrics(t, other.Admin).values {
		if value != 0 && slices.Contains([]string{"events", "commit_operations_sum", "watchers", `lists_total{index="regarding.uid"}`}, sample) {
			t.Errorf("the other server, which nobody has used, tells %s %v", sample, value)
		}
	}
}

// What is documented to work as with etcd is there, and nothing looks as if
// there were an etcd. Not parallel: these metrics are the whole process's.
func TestMetrics_AsWithEtcd(t *testing.T) {
	server := testserver.Start(t, testserver.Config{Change: func(options *options.Options) {
		options.Storage.Etcd.StorageConfig.CountMetricPollPeriod = 50 * time.Millisecond
	}})
	before := scrape(t, server.Admin, "").values
	client := jsonClient(t, server.Admin)
	createMany(t, client, "some", 3)
	list, err := client.Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "type=Normal,action=Start"})
	if err != nil || len(list.Items) != 3 {
		t.Fatal(names(list.Items), err)
	}
	const resource = `group="events.k8s.io",resource="events"`
	for sample, want := range map[string]float64{
		`apiserver_storage_list_total{group="events.k8s.io",index="type",resource="events",storage="embedded"}`:                 1,
		`apiserver_storage_list_fetched_objects_total{group="events.k8s.io",index="type",resource="events",storage="embedded"}`: 3,
		`apiserver_storage_list_evaluated_objects_total{` + resource + `,storage="embedded"}`:                                   3,
		`apiserver_storage_list_returned_objects_total{` + resource + `,storage="embedded"}`:                                    3,
		`apiserver_storage_list_duration_seconds_count{` + resource + `,streamed="false"}`:                                      1,
		`apiserver_storage_events_received_total{` + resource + `}`:                                                             3,
		`apiserver_resource_objects{` + resource + `}`:                                                                          3,
		`apiserver_storage_objects{resource="events.events.k8s.io"}`:                                                            3,
	} {
		eventually(t, sample, func() bool {
			gauge := strings.HasSuffix(strings.SplitN(sample, "{", 2)[0], "_objects")
			now := scrape(t, server.Admin, "").values[sample]
			return gauge && now == want || !gauge && now-before[sample] == want
		})
	}
	after := scrape(t, server.Admin, "")
	if size := after.values[`apiserver_storage_size_bytes{storage_cluster_id="embedded"}`]; size <= 0 {
		t.Errorf("the size of the store is %v", size)
	}
	for name := range documented(t, "Generic metrics that work as with etcd") {
		if _, ok := after.types[name]; !ok {
			t.Errorf("%s is in docs/metrics.md and not served", name)
		}
	}
	for _, sample := range slices.Sorted(maps.Keys(after.values)) {
		if _, was := before[sample]; !was && (strings.HasPrefix(sample, "etcd_") || strings.HasPrefix(sample, "apiserver_watch_cache_")) {
			t.Errorf("%s appeared, as if there were an etcd or a watch cache", sample)
		}
	}
}
