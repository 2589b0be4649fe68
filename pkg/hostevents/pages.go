// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
	hubcorev1 "github.com/events-apiserver/events-apiserver/pkg/apis/events/corev1"
)

const (
	// hostPage is how many events of the host are asked for at most at once. For
	// each page the host counts what is left, so it is more than for our own store.
	hostPage = 2000
	// pageBytes is how much a page is meant to hold. In core/v1 an event may be
	// as large as a request.
	pageBytes = 8 << 20
	// firstPage is how many are asked for while nothing is known of their size,
	// and pageGrowth how much larger a page may be than the one before.
	firstPage  = 100
	pageGrowth = 4
)

// pageLimit finds how many objects to ask for from how large they have been, so
// that memory does not depend on their size: as many as there may be while they
// are small, few when they are large.
type pageLimit struct {
	next, most int64
}

func newPageLimit(most int64) *pageLimit { return &pageLimit{next: min(firstPage, most), most: most} }

// learn takes note of a page: of how many objects, and of how many bytes
// together; zero if that is not known.
func (l *pageLimit) learn(count int, bytes int64) {
	if count == 0 {
		return
	}
	fit := l.most
	if bytes > 0 {
		fit = pageBytes * int64(count) / bytes
	}
	l.next = max(1, min(fit, l.next*pageGrowth, l.most))
}

// lower takes note of a page that was too large. It tells whether there is a
// smaller one to ask for.
func (l *pageLimit) lower() bool {
	if l.next == 1 {
		return false
	}
	l.next = max(1, l.next/pageGrowth)
	return true
}

// listedPage is a page, or why there is none.
type listedPage struct {
	Page
	err error
}

// hostPages lists all events of the host. While a page is worked on the next one
// is under way, so two are in memory. It ends with the last page, with an error,
// or with the context.
func hostPages(ctx context.Context, host Host) <-chan listedPage {
	pages := make(chan listedPage)
	go func() {
		defer close(pages)
		limit := newPageLimit(hostPage)
		continueFrom := ""
		for ctx.Err() == nil {
			page, err := nextPage(ctx, host, continueFrom, limit)
			select {
			case pages <- listedPage{page, err}:
			case <-ctx.Done():
				return
			}
			if continueFrom = page.Continue; err != nil || continueFrom == "" {
				return
			}
		}
	}()
	return pages
}

// nextPage gets a page with as many events as fit into memory.
func nextPage(ctx context.Context, host Host, continueFrom string, limit *pageLimit) (Page, error) {
	for {
		page, err := host.List(ctx, continueFrom, limit.next)
		if errors.Is(err, ErrPageTooLarge) && limit.lower() {
			continue
		}
		limit.learn(len(page.Items), page.Bytes)
		return page, err
	}
}

// sizeOf is about how much memory an event takes: what it has in the host's form.
func sizeOf(event *events.Event) int64 {
	sent := &corev1.Event{}
	if err := hubcorev1.Convert_events_Event_To_v1_Event(event, sent, nil); err != nil {
		return 0
	}
	sent.ManagedFields = nil
	return int64(sent.Size())
}

func sizeOfAll(all []events.Event) (size int64) {
	for i := range all {
		size += sizeOf(&all[i])
	}
	return size
}
