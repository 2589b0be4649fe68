// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// keepIn is the environment variable that names a directory for the logs of the
// clusters of failed tests.
const keepIn = "E2E_LOGS"

// showLogs shows the end of the server's log, and keeps all logs if asked to.
func (c *Cluster) showLogs(t testing.TB) {
	t.Helper()
	dir := os.Getenv(keepIn)
	for _, component := range c.Components() {
		data, err := os.ReadFile(component.LogFile())
		if err == nil && dir != "" {
			err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+"-"+filepath.Base(c.Config().Dir)+"-"+component.Name()+".log"), data, 0o600)
		}
		if err != nil {
			t.Log(err)
		}
		const most = 6000
		if component.Name() == cluster.EventsAPIServer {
			t.Logf("%s:\n%s", component.Name(), data[max(0, len(data)-most):])
		}
	}
}

// Log passes a cluster's progress on to a test's log.
type Log struct {
	T testing.TB
	// Name tells several clusters of a test apart; it may be empty.
	Name string
}

// Write logs a line.
func (l Log) Write(line []byte) (int, error) {
	l.T.Helper()
	if l.Name == "" {
		l.T.Logf("%s", line)
	} else {
		l.T.Logf("%s: %s", l.Name, line)
	}
	return len(line), nil
}
