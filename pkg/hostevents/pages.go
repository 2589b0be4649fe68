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
	// hostPageSize is the maximum number of the host's events in a page. For each page
	// the host counts the rest, so it is higher than for our own store.
	hostPageSize = 2000
	// targetPageBytes is the intended size of a page. In core/v1 an event may be as
	// large as a request.
	targetPageBytes = 8 << 20
	// initialPageSize is the limit while no size is known, and maxPageGrowth the
	// factor by which a page may be larger than the one before.
	initialPageSize = 100
	maxPageGrowth   = 4
)

// pageLimit adapts the limit of a page to the size of the objects, so that memory
// does not depend on it: the maximum while they are small, few when they are large.
type pageLimit struct {
	next, most int64
}

func newPageLimit(most int64) *pageLimit {
	return &pageLimit{next: min(initialPageSize, most), most: most}
}

// observe adapts the limit after a page of count objects and bytes in total; zero
// bytes means unknown.
func (l *pageLimit) observe(count int, bytes int64) {
	if count == 0 {
		return
	}
	fit := l.most
	if bytes > 0 {
		fit = targetPageBytes * int64(count) / bytes
	}
	l.next = max(1, min(fit, l.next*maxPageGrowth, l.most))
}

// shrink lowers the limit after a page that was too large. It returns false if there
// is no lower one.
func (l *pageLimit) shrink() bool {
	if l.next == 1 {
		return false
	}
	l.next = max(1, l.next/maxPageGrowth)
	return true
}

// listedPage is a page, or the error instead of it.
type listedPage struct {
	Page
	err error
}

// hostPages lists all events of the host. The next page is requested while one is
// processed, so two are in memory. It ends with the last page, with an error, or with
// the context.
func hostPages(ctx context.Context, host Host) <-chan listedPage {
	pages := make(chan listedPage)
	go func() {
		defer close(pages)
		limit := newPageLimit(hostPageSize)
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

// nextPage gets a page with as many events as the memory allows.
func nextPage(ctx context.Context, host Host, continueFrom string, limit *pageLimit) (Page, error) {
	for {
		page, err := host.List(ctx, continueFrom, limit.next)
		if errors.Is(err, ErrPageTooLarge) && limit.shrink() {
			continue
		}
		limit.observe(len(page.Items), page.Bytes)
		return page, err
	}
}

// sizeOf is about how much memory an event takes: its size in core/v1.
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
