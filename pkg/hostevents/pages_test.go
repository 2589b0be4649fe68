// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/events-apiserver/events-apiserver/pkg/apis/events"
)

var errBroken = errors.New("broken")

// pagedHost lists so many pages of one event each, and fails behind them if it is
// to.
type pagedHost struct {
	Host
	pages int
	fails bool
}

func (h pagedHost) List(_ context.Context, continueFrom string, _ int64) (Page, error) {
	n, _ := strconv.Atoi(continueFrom)
	if n == h.pages {
		return Page{}, errBroken
	}
	event := &events.Event{}
	event.Name = strconv.Itoa(n)
	page := Page{Version: 7, Items: []*events.Event{event}}
	if n+1 < h.pages || h.fails {
		page.Continue = strconv.Itoa(n + 1)
	}
	return page, nil
}

func TestHostPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		host pagedHost
		want []string
		err  error
	}{
		"one":               {pagedHost{pages: 1}, []string{"0"}, nil},
		"three":             {pagedHost{pages: 3}, []string{"0", "1", "2"}, nil},
		"an error at once":  {pagedHost{fails: true}, nil, errBroken},
		"an error later on": {pagedHost{pages: 2, fails: true}, []string{"0", "1"}, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			var err error
			for page := range hostPages(t.Context(), test.host) {
				err = page.err
				for _, event := range page.Items {
					got = append(got, event.Name)
				}
			}
			if !slices.Equal(got, test.want) || !errors.Is(err, test.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestHostPages_EndWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	pages := hostPages(ctx, pagedHost{pages: 1 << 30})
	<-pages
	end()
	// One that was under way may still come.
	count := 0
	for range pages {
		count++
	}
	if count > 1 {
		t.Errorf("%d pages came after the end", count)
	}
}

// sizedHost lists events of the given sizes.
type sizedHost struct {
	Host
	sizes []int64
	// most is the largest page that it has given out, pages how many events each had.
	most  int64
	pages []int
}

func (h *sizedHost) List(_ context.Context, continueFrom string, limit int64) (Page, error) {
	from, _ := strconv.Atoi(continueFrom)
	page := Page{Version: 7}
	for i := from; i < len(h.sizes) && int64(len(page.Items)) < limit; i++ {
		page.Items = append(page.Items, &events.Event{})
		page.Bytes += h.sizes[i]
	}
	if limit > 1 && page.Bytes > MaxPageBytes {
		return Page{}, ErrPageTooLarge
	}
	if from += len(page.Items); from < len(h.sizes) {
		page.Continue = strconv.Itoa(from)
	}
	h.most = max(h.most, page.Bytes)
	h.pages = append(h.pages, len(page.Items))
	return page, nil
}

func repeated(size int64, times int) []int64 {
	sizes := make([]int64, times)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// What a page takes must not depend on how large the events are, nor must there be
// many pages of small ones: the host counts all that follow for each.
func TestHostPages_AreOfSoManyBytes(t *testing.T) {
	t.Parallel()
	const small, large, huge = 1500, 76 << 10, 1500 << 10
	for name, test := range map[string]struct {
		sizes []int64
		// most is how large a page may be, pages how many there may be.
		most  int64
		pages int
	}{
		"small":                   {repeated(small, 20_000), targetPageBytes, 13},
		"large":                   {repeated(large, 4000), targetPageBytes + targetPageBytes/8, 42},
		"huge":                    {repeated(huge, 100), MaxPageBytes, 30},
		"larger than a page":      {repeated(2*MaxPageBytes, 3), 2 * MaxPageBytes, 3},
		"large after small":       {append(repeated(small, 10_000), repeated(large, 2000)...), MaxPageBytes, 40},
		"huge after small":        {append(repeated(small, 10_000), repeated(huge, 50)...), MaxPageBytes, 30},
		"small after large":       {append(repeated(large, 500), repeated(small, 10_000)...), MaxPageBytes, 25},
		"of a size that it hides": {repeated(0, 20_000), 0, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := &sizedHost{sizes: test.sizes}
			got := 0
			for page := range hostPages(t.Context(), host) {
				if page.err != nil {
					t.Fatal(page.err)
				}
				got += len(page.Items)
			}
			if got != len(test.sizes) {
				t.Errorf("%d events came, want %d", got, len(test.sizes))
			}
			if host.most > test.most || len(host.pages) > test.pages {
				t.Errorf("the largest page had %d bytes, want %d at most; %d pages, want %d at most: %v", host.most, test.most, len(host.pages), test.pages, host.pages)
			}
		})
	}
}
