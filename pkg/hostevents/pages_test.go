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
