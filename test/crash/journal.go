// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// journal is a file with all actions and problems of a run, one JSON object per line, to
// investigate a failure afterwards.
type journal struct {
	mu    sync.Mutex
	file  *os.File
	begun time.Time
	err   error
}

// entry is one line of the journal.
type entry struct {
	// Seconds since the start of the journal, which sets it.
	Seconds float64 `json:"t"`
	// What happened, such as "send", "answer", "kill", "problem".
	What string `json:"what"`
	// Write is the id of a write.
	Write string   `json:"write,omitempty"`
	Verb  string   `json:"verb,omitempty"`
	Keys  []string `json:"keys,omitempty"`
	// Base is the revision that the writer knew, Revision the one of an answer.
	Base     uint64 `json:"base,omitempty"`
	Revision uint64 `json:"revision,omitempty"`
	Content  string `json:"content,omitempty"`
	Text     string `json:"text,omitempty"`
}

func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	return &journal{file: file, begun: time.Now()}, nil
}

// write appends a line, unbuffered. close returns the first error.
func (j *journal) write(e entry) {
	e.Seconds = time.Since(j.begun).Seconds()
	line, err := json.Marshal(e)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if j.err == nil {
		j.err = err
	}
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := errors.Join(j.err, j.file.Close()); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}
