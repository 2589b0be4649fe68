// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// readEvery is how long a reader rests between two lists.
const readEvery = 40 * time.Millisecond

// reader lists while others write.
type reader struct {
	clients    clients
	record     *record
	journal    *journal
	random     *rand.Rand
	namespaces []string
}

// work lists until the context ends or the server does not answer.
func (r *reader) work(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.read(ctx); err != nil {
			r.failed(ctx, err)
			return
		}
		pause(ctx, readEvery)
	}
}

func (r *reader) failed(ctx context.Context, err error) {
	if _, code := outcomeOf(err); code != 0 && code != http.StatusTooManyRequests && ctx.Err() == nil {
		r.record.found("a list failed: " + err.Error())
	}
	r.journal.write(entry{What: "list failed", Text: err.Error()})
}

func (r *reader) read(ctx context.Context) error {
	l := lister{r.clients.protobuf, r.record}
	if r.random.IntN(3) == 0 {
		l.client = r.clients.json
	}
	s := r.selection()
	switch r.random.IntN(4) {
	case 0:
		return l.pages(ctx, s, 20+r.random.Int64N(100))
	case 1:
		// A revision from just now, which is above the last confirmed one.
		if top, confirmed := r.record.newest(), r.record.confirmedUpTo(); top > confirmed {
			return l.exact(ctx, s, top-r.random.Uint64N(min(top-confirmed, 500)))
		}
		fallthrough
	default:
		_, _, err := l.newest(ctx, s)
		return err
	}
}

func (r *reader) selection() selection {
	var s selection
	if r.random.IntN(2) == 0 {
		s.namespace = r.namespaces[r.random.IntN(len(r.namespaces))]
	}
	if r.random.IntN(4) > 0 {
		s.field = indexedFields()[r.random.IntN(6)]
		s.value = r.record.valueOf(s.field, r.random.IntN(1000))
	}
	if r.random.IntN(6) == 0 {
		s.phase = []string{"a", "b"}[r.random.IntN(2)]
	}
	return s
}
