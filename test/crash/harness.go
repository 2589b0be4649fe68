// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

const (
	writersInAll = 16
	readersInAll = 2
	// checkEvery is the number of kills after which a copy of the data directory is verified.
	checkEvery = 5
	// thoroughEvery is the number of starts after which all lists are verified; after the
	// others it is a fraction of them.
	thoroughEvery = 5
	// verifyTimeout is for how long a verification may take.
	verifyTimeout = 5 * waitTimeout
)

// settings configure a run.
type settings struct {
	binary string
	// dir is for everything that the run writes; it must be empty.
	dir  string
	seed uint64
	// killsWanted is the number of times to kill the server.
	killsWanted int
	// say prints progress.
	say func(format string, args ...any)
	// flags are additional flags of the server.
	flags []string
}

// harness is one run: a server that is killed repeatedly, and its clients.
type harness struct {
	settings
	server     *server
	journal    *journal
	record     *record
	clients    clients
	random     *rand.Rand
	plan       plan
	namespaces []string
	writers    []*writer
	readers    []*reader
	followers  []*follower
	mirrors    []*mirror
	log        *os.File

	stats
	// rounds counts starts.
	rounds   int
	problems atomic.Int64
}

// newRandom returns the random numbers of one part of a run.
func newRandom(seed, part uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, part)) }

func newHarness(s settings) (*harness, error) {
	h := &harness{
		settings: s, random: newRandom(s.seed, 1), plan: plan{newRandom(s.seed, 2)},
		namespaces: []string{"red", "green", "blue"}, stats: newStats(),
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the run: %w", err)
	}
	var err error
	if h.server, err = newServer(s.binary, s.dir); err != nil {
		return nil, err
	}
	if h.journal, err = openJournal(filepath.Join(s.dir, "journal.jsonl")); err != nil {
		return nil, err
	}
	if h.log, err = os.Create(filepath.Join(s.dir, "clients.log")); err != nil {
		return nil, errors.Join(err, h.journal.close())
	}
	h.journal.write(entry{What: "begin", Text: fmt.Sprintf("seed %d", s.seed)})
	return h, nil
}

// found is called with each problem.
func (h *harness) found(problem string) {
	h.journal.write(entry{What: "problem", Text: problem})
	// One defect may cause thousands of problems.
	if n := h.problems.Add(1); n <= 20 {
		h.say("WRONG: %s", problem)
	}
}

// run runs the test. It returns an error if the test itself fails; problems of the server are
// counted.
func (h *harness) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var surrounding sync.WaitGroup
	defer func() {
		cancel()
		if h.server.process != nil {
			h.server.kill()
		}
		surrounding.Wait()
		err = errors.Join(err, h.journal.close(), h.log.Close())
	}()
	if err := h.begin(ctx); err != nil {
		return err
	}
	for _, f := range h.followers {
		surrounding.Go(func() { f.run(ctx) })
	}
	for _, m := range h.mirrors {
		surrounding.Go(func() { m.run(ctx) })
	}
	for h.kills() < h.killsWanted && h.problems.Load() == 0 {
		if err := h.live(ctx, h.plan.next(h.ready.median())); err != nil {
			return err
		}
	}
	if h.problems.Load() > 0 {
		return nil
	}
	return h.finish(ctx)
}

// begin starts the server on an empty directory and creates all clients.
func (h *harness) begin(ctx context.Context) error {
	if err := h.server.start(h.serverFlags(longTTL, longCompaction)...); err != nil {
		return err
	}
	config, err := h.server.waitReady(ctx)
	if err != nil {
		return err
	}
	h.ready = append(h.ready, time.Since(h.server.started))
	if h.clients, err = newClients(config); err != nil {
		return err
	}
	list, err := h.clients.json.Events("").List(ctx, (selection{}).options())
	if err != nil {
		return fmt.Errorf("listing the empty store: %w", err)
	}
	var first uint64
	if _, err := fmt.Sscan(list.ResourceVersion, &first); err != nil || len(list.Items) > 0 {
		return fmt.Errorf("a new server has %d events at revision %q", len(list.Items), list.ResourceVersion)
	}
	h.record = newRecord(first, shortCompaction, h.found)
	h.surround(first)
	h.server.kill()
	return nil
}

// surround creates writers, readers and watchers.
func (h *harness) surround(first uint64) {
	for i := range writersInAll {
		namespace := h.namespaces[i%len(h.namespaces)]
		h.writers = append(h.writers, newWriter(i, namespace, h.clients, h.record, h.journal, newRandom(h.seed, 100+uint64(i))))
	}
	for i := range readersInAll {
		h.readers = append(h.readers, &reader{
			clients: h.clients, record: h.record, journal: h.journal, namespaces: h.namespaces,
			random: newRandom(h.seed, 200+uint64(i)),
		})
	}
	follow := func(name string, s selection, encoding string) *follower {
		client := h.clients.protobuf
		if encoding == runtime.ContentTypeJSON {
			client = h.clients.json
		}
		f := newFollower(name, s, client, first, h.record, h.journal)
		h.followers = append(h.followers, f)
		return f
	}
	follow("of everything, JSON", selection{}, runtime.ContentTypeJSON)
	follow("of everything, protobuf", selection{}, runtime.ContentTypeProtobuf)
	follow("that goes back, protobuf", selection{}, runtime.ContentTypeProtobuf).random = newRandom(h.seed, 300)
	follow("that goes back, JSON", selection{namespace: "red", phase: "a"}, runtime.ContentTypeJSON).random = newRandom(h.seed, 301)
	follow("of a namespace", selection{namespace: "green"}, runtime.ContentTypeJSON)
	follow("of a phase", selection{phase: "b"}, runtime.ContentTypeProtobuf)
	follow("of a reason", selection{field: "reason", value: "Killed"}, runtime.ContentTypeProtobuf)
	for i := range 3 {
		follow("of an object", selection{field: "regarding.uid", value: fmt.Sprintf("w%02d-object-%d", i, i)}, runtime.ContentTypeJSON)
	}
	h.mirrors = append(h.mirrors,
		newMirror("a cache of JSON", h.clients.json, h.log),
		newMirror("a cache of protobuf", h.clients.protobuf, h.log))
}

func (h *harness) serverFlags(ttl, compaction time.Duration) []string {
	return append([]string{
		"--event-ttl=" + ttl.String(),
		"--compaction-interval=" + compaction.String(),
		"--shutdown-watch-termination-grace-period=500ms",
		"--v=2",
	}, h.flags...)
}

// live runs one process from its start to its end.
func (h *harness) live(ctx context.Context, r round) error {
	h.rounds++
	h.journal.write(entry{What: "start", Text: fmt.Sprintf("end %s, %s, ttl %s", r.moment, r.after, r.ttl)})
	if err := h.server.start(h.serverFlags(r.ttl, r.compaction)...); err != nil {
		return err
	}
	if r.moment == duringStart {
		if err := h.kill(ctx, r.after); err != nil {
			return err
		}
	} else if err := h.serve(ctx, r); err != nil {
		return err
	}
	h.ended[r.moment]++
	h.say("%d kills of %d; %s; revision %d", h.kills(), h.killsWanted, h.last(r), h.record.newest())
	if r.moment != never && h.kills()%checkEvery == 0 {
		begun := time.Now()
		if err := checkCopy(ctx, h.binary, h.server.dataDir, filepath.Join(h.dir, "copy")); err != nil {
			h.found(err.Error())
		}
		h.checked = append(h.checked, time.Since(begun))
	}
	return nil
}

// serve waits until the server is ready, verifies its responses, and puts load on it until the
// end of the round.
func (h *harness) serve(ctx context.Context, r round) error {
	if _, err := h.server.waitReady(ctx); err != nil {
		return err
	}
	h.ready = append(h.ready, time.Since(h.server.started))
	effort := thoroughEvery
	if h.rounds%thoroughEvery == 0 {
		effort = 1
	}
	begun := time.Now()
	verifying, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	if err := h.verify(verifying, effort); err != nil {
		return fmt.Errorf("verifying after a start: %w", err)
	}
	if h.problems.Load() > 0 {
		return nil
	}
	h.verified = append(h.verified, time.Since(begun))
	if time.Since(h.server.started) < r.compaction && h.server.printed("\"Compacted\"") {
		h.compactionsResumed++
	}
	return h.load(ctx, r)
}

// kill kills the server after some time; the server must not end before.
func (h *harness) kill(ctx context.Context, after time.Duration) error {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-h.server.exited:
		return fmt.Errorf("%w: %s; its log ends with:\n%s", errEnded, h.server.state, tail(h.server.log))
	}
	h.journal.write(entry{What: "kill", Revision: h.record.newest()})
	h.server.kill()
	return nil
}

// load runs all clients until the end of the round, and waits until all requests have ended.
func (h *harness) load(ctx context.Context, r round) error {
	working, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for _, w := range h.writers {
		all.Go(func() { w.work(working, r.ttl) })
	}
	for _, reading := range h.readers {
		all.Go(func() { reading.work(working) })
	}
	switch r.moment {
	case duringStop:
		pause(ctx, r.stopAfter)
		h.server.terminate()
		return h.killStopping(ctx, r.after)
	case never:
		pause(ctx, r.stopAfter)
		h.server.terminate()
		return h.waitStopped(ctx)
	case duringCompaction:
		return h.kill(ctx, h.untilCompaction(r)+r.after)
	default:
		return h.kill(ctx, r.after)
	}
}

// untilCompaction returns the time until the next compaction.
func (h *harness) untilCompaction(r round) time.Duration {
	gone := time.Since(h.server.spoke)
	return r.compaction - gone%r.compaction
}

// killStopping kills a server that is stopping, unless it has ended before.
func (h *harness) killStopping(ctx context.Context, after time.Duration) error {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		h.server.kill()
	case <-ctx.Done():
		h.server.kill()
	case <-h.server.exited:
		h.checkStopped()
	}
	return ctx.Err()
}

func (h *harness) waitStopped(ctx context.Context) error {
	timer := time.NewTimer(waitTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		h.found(fmt.Sprintf("the server has not stopped %s after it was asked to", waitTimeout))
		h.server.kill()
	case <-ctx.Done():
	case <-h.server.exited:
		h.checkStopped()
	}
	return ctx.Err()
}

// checkStopped checks how a server ended that was asked to stop.
func (h *harness) checkStopped() {
	if !h.server.state.Success() {
		h.found(fmt.Sprintf("a clean stop ended with %s; the log ends with:\n%s", h.server.state, tail(h.server.log)))
	}
}

// finish verifies everything a last time, and the data directory itself.
func (h *harness) finish(ctx context.Context) error {
	if err := h.server.start(h.serverFlags(longTTL, longCompaction)...); err != nil {
		return err
	}
	if _, err := h.server.waitReady(ctx); err != nil {
		return err
	}
	if err := h.verify(ctx, 1); err != nil {
		return fmt.Errorf("verifying at the end: %w", err)
	}
	h.server.terminate()
	if err := h.waitStopped(ctx); err != nil {
		return err
	}
	if err := check(ctx, h.binary, h.server.dataDir); err != nil {
		h.found(err.Error())
	}
	h.count(h.record, h.writers, h.followers)
	return h.readLogs()
}

// readLogs searches the logs for messages that must never appear.
func (h *harness) readLogs() error {
	logs, err := filepath.Glob(filepath.Join(h.dir, "server-*.log"))
	if err != nil {
		return err
	}
	for _, path := range logs {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading the logs: %w", err)
		}
		for line := range strings.Lines(string(content)) {
			if badNews().MatchString(line) {
				h.found(fmt.Sprintf("%s says: %s", filepath.Base(path), strings.TrimSpace(line)))
			}
		}
	}
	return nil
}

// badNews matches lines about panics and about what the store could not do.
func badNews() *regexp.Regexp {
	return regexp.MustCompile(`panic|goroutine \d+ \[|corrupt|Background work of the store failed|The disk refused`)
}
