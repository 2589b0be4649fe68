// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import "context"

// hostPage is how many events of the host are asked for at once. For each page
// the host counts what is left, so it is more than for our own store.
const hostPage = 2000

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
		continueFrom := ""
		for ctx.Err() == nil {
			page, err := host.List(ctx, continueFrom, hostPage)
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
