// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package crash

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// nobody is the user without rights that every system has.
	nobody = 65534
	// whatToDo is in every refusal of damaged data.
	whatToDo = "restore the directory from a snapshot, or move it away to start with an empty one"
)

// newTestServer returns a server with a directory of its own, which ends with
// the test.
func newTestServer(t *testing.T) *server {
	t.Helper()
	s, err := newServer(binary(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.process != nil {
			s.kill()
		}
	})
	return s
}

// ready starts a server and returns clients of it.
func ready(t *testing.T, s *server) clients {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	config, err := s.waitReady(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClients(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fill creates events and returns their names, in order.
func fill(t *testing.T, c clients, from, number uint64) []string {
	t.Helper()
	random := newRandom(1, from)
	var names []string
	for i := range number {
		name := fmt.Sprintf("event-%04d", from+i)
		event := newEvent(random, key{"team", name}, "test")
		alter(random, event, name)
		event.Annotations[padAnnotation] = text(random, 3000)
		if _, err := c.protobuf.Events("team").Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func listNames(t *testing.T, c clients) []string {
	t.Helper()
	list, err := c.json.Events("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names
}

// mustRefuse starts a server that must end with status 1 and print one error
// with all texts.
func mustRefuse(t *testing.T, s *server, texts ...string) {
	t.Helper()
	s.starts++
	s.log = filepath.Join(s.dir, fmt.Sprintf("server-%03d.log", s.starts))
	mustRefuseProgram(t, s.program(), texts...)
}

func mustRefuseProgram(t *testing.T, p program, texts ...string) {
	t.Helper()
	running, err := p.start()
	if err != nil {
		t.Fatal(err)
	}
	ended := func() bool {
		select {
		case <-running.exited:
			return true
		default:
			return false
		}
	}
	if !eventually(t.Context(), ended) {
		running.kill()
		t.Fatalf("the server runs; want it to refuse with %q", texts)
	}
	printed, err := os.ReadFile(p.output)
	if err != nil {
		t.Fatal(err)
	}
	if code := running.state.ExitCode(); code != 1 {
		t.Errorf("exit status %d (%s), want 1", code, running.state)
	}
	_, message, found := strings.Cut("\n"+string(printed), "\nerror: ")
	if !found || strings.Contains(message, "\nerror: ") {
		t.Errorf("it printed\n%s\nwant one error", printed)
	}
	for _, text := range texts {
		if !strings.Contains(message, text) {
			t.Errorf("the error is\n%s\nwant it to have %q", message, text)
		}
	}
}

// A second process must not touch what the first one uses. When the first is
// gone, even killed, its directory is free.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	first, second := newTestServer(t), newTestServer(t)
	c := ready(t, first)
	want := fill(t, c, 0, 5)
	second.dataDir = first.dataDir
	for range 2 {
		mustRefuse(t, second, "--data-dir="+first.dataDir, "data directory is in use by another process", "stop that process or use another directory")
	}
	want = append(want, fill(t, c, 5, 5)...)

	first.kill()
	if got := listNames(t, ready(t, second)); !slices.Equal(got, want) {
		t.Errorf("the next process has %q, want %q", got, want)
	}
}

// filled creates two data directories: one of a server that was stopped, and one of a server
// that was killed, with events in an sstable and in the WAL.
func filled(t *testing.T) (stopped, killed string) {
	t.Helper()
	s, dir := newTestServer(t), t.TempDir()
	fill(t, ready(t, s), 0, 50)
	s.terminate()
	<-s.exited
	stopped, killed = filepath.Join(dir, "stopped"), filepath.Join(dir, "killed")
	err := copyTree(s.dataDir, stopped)
	fill(t, ready(t, s), 50, 50)
	s.kill()
	if err := errors.Join(err, copyTree(s.dataDir, killed)); err != nil {
		t.Fatal(err)
	}
	return stopped, killed
}

// Each case damages a copy of a data directory that was in use. The start must
// fail, name the file, and leave the directory as it was.
func TestDamagedDirectory(t *testing.T) {
	t.Parallel()
	stopped, killed := filled(t)
	for name, test := range map[string]struct {
		from string
		// files is a pattern; all that match are harmed.
		files string
		harm  func(path string, content []byte) error
		want  []string
	}{
		"a newer format":   {stopped, "FORMAT", writeText("2\n"), []string{"has format 2, this build knows up to 1", "run the newer version"}},
		"no format":        {stopped, "FORMAT", remove, []string{"holds data but no FORMAT file"}},
		"another marker":   {stopped, "FORMAT", writeText("x"), []string{"FORMAT does not hold a format number"}},
		"table missing":    {stopped, "db/*.sst", remove, []string{"type sstable", whatToDo}},
		"table cut":        {stopped, "db/*.sst", cut, []string{".sst", "size mismatch", whatToDo}},
		"table emptied":    {stopped, "db/*.sst", writeText(""), []string{".sst", "size mismatch", whatToDo}},
		"manifest missing": {stopped, "db/MANIFEST-*", remove, []string{"MANIFEST-", whatToDo}},
		"manifest damaged": {stopped, "db/MANIFEST-*", damageStart, []string{"MANIFEST-", whatToDo}},
		"manifest emptied": {stopped, "db/MANIFEST-*", writeText(""), []string{"MANIFEST-", whatToDo}},
		"list missing":     {stopped, "db/marker.manifest.*", remove, []string{"no marker.manifest file", whatToDo}},
		"options damaged":  {stopped, "db/OPTIONS-*", damage, []string{"data/db", whatToDo}},
		"log damaged":      {killed, "db/*.log", damage, []string{"replaying wal", whatToDo}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t)
			if err := copyTree(test.from, s.dataDir); err != nil {
				t.Fatal(err)
			}
			harmAll(t, filepath.Join(s.dataDir, test.files), test.harm)
			before := readTree(t, s.dataDir)
			mustRefuse(t, s, append(test.want, "--data-dir="+s.dataDir)...)
			for path, content := range readTree(t, s.dataDir) {
				if was, ok := before[path]; ok && !bytes.Equal(was, content) {
					t.Errorf("the refusal changed %s", path)
				}
				delete(before, path)
			}
			for path := range before {
				t.Errorf("the refusal removed %s", path)
			}
		})
	}
}

// An sstable is only read when a request needs it. Damage must be an error, and neither hide
// events nor end the server.
func TestDamagedTable(t *testing.T) {
	t.Parallel()
	_, killed := filled(t)
	s := newTestServer(t)
	if err := copyTree(killed, s.dataDir); err != nil {
		t.Fatal(err)
	}
	harmAll(t, largestTable(t, s.dataDir), damage)
	c := ready(t, s)
	list, err := c.json.Events("").List(t.Context(), metav1.ListOptions{})
	if err == nil {
		t.Errorf("a list succeeded with %d events, want an error", len(list.Items))
	} else if !strings.Contains(err.Error(), "checksum mismatch") {
		t.Errorf("a list failed with %v, want it to tell of the damage", err)
	}
	if _, err := c.json.Events("team").Get(t.Context(), "event-0075", metav1.GetOptions{}); err != nil {
		t.Errorf("what is in another file cannot be read: %v", err)
	}
	s.terminate()
	<-s.exited
	printed, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(printed), s.dataDir+"/db/") || !strings.Contains(string(printed), ".sst") {
		t.Errorf("the log does not name the file:\n%s", tail(s.log))
	}
}

func TestUnusableDirectory(t *testing.T) {
	t.Parallel()
	stopped, _ := filled(t)
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t)
		if err := os.WriteFile(s.dataDir, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, s, "--data-dir="+s.dataDir, "not a directory")
	})
	t.Run("below a file", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t)
		if err := os.WriteFile(s.dataDir, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.dataDir = filepath.Join(s.dataDir, "below")
		mustRefuse(t, s, "--data-dir="+s.dataDir, "not a directory")
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t)
		if err := copyTree(stopped, s.dataDir); err != nil {
			t.Fatal(err)
		}
		mustRefuseProgram(t, withoutRights(t, s), "--data-dir="+s.dataDir, "permission denied")
	})
	t.Run("new and read-only", func(t *testing.T) {
		t.Parallel()
		s := newTestServer(t)
		if err := os.Mkdir(s.dataDir, 0o700); err != nil {
			t.Fatal(err)
		}
		mustRefuseProgram(t, withoutRights(t, s), "--data-dir="+s.dataDir, "permission denied")
	})
}

// withoutRights makes the data directory one that may be read only, and returns
// the server as a user to whom that applies.
func withoutRights(t *testing.T, s *server) program {
	t.Helper()
	s.log = filepath.Join(s.dir, "server.log")
	modes := map[string]fs.FileMode{}
	err := filepath.WalkDir(s.dataDir, func(path string, entry fs.DirEntry, err error) error {
		modes[path] = 0o444
		if err == nil && entry.IsDir() {
			modes[path] = 0o555
		}
		return err
	})
	for path, mode := range modes {
		err = errors.Join(err, os.Chmod(path, mode))
	}
	t.Cleanup(func() { _ = errors.Join(os.Chmod(s.dataDir, 0o700), os.Chmod(filepath.Join(s.dataDir, "db"), 0o700)) })
	if err != nil {
		t.Fatal(err)
	}
	p := s.program()
	if os.Geteuid() != 0 {
		return p
	}
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Root may write everywhere. The checkout may be out of reach for others.
	p.user = &syscall.Credential{Uid: nobody, Gid: nobody}
	p.path = filepath.Join(s.dir, "events-apiserver")
	if err := os.Link(s.binary, p.path); err != nil {
		err = copyFile(s.binary, p.path)
		if err := errors.Join(err, os.Chmod(p.path, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(s.certDir, 0o700), os.Chown(s.certDir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	return p
}

// largestTable returns the file that most events are in. What a start needs may be
// in smaller ones.
func largestTable(t *testing.T, dataDir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dataDir, "db", "*.sst"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no table in %s: %v", dataDir, err)
	}
	return slices.MaxFunc(paths, func(a, b string) int { return cmp.Compare(fileSize(t, a), fileSize(t, b)) })
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// harmAll harms the files that match a pattern, of which there must be one.
func harmAll(t *testing.T, pattern string, harm func(string, []byte) error) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file is like %s: %v", pattern, err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err == nil {
			err = harm(path, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func remove(path string, _ []byte) error { return os.Remove(path) }

func writeText(text string) func(string, []byte) error {
	return func(path string, _ []byte) error { return os.WriteFile(path, []byte(text), 0o600) }
}

func cut(path string, content []byte) error {
	return os.WriteFile(path, content[:len(content)/2], 0o600)
}

// damage changes bytes and leaves the size.
func damage(path string, content []byte) error {
	for i := range min(40, len(content)/4) {
		content[len(content)/4+i] ^= 0x55
	}
	return os.WriteFile(path, content, 0o600)
}

// damageStart is for files that are read as far as they go.
func damageStart(path string, content []byte) error {
	content[0] ^= 0x55
	return os.WriteFile(path, content, 0o600)
}

// readTree returns the files of a directory.
func readTree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		files[path] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
