// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"fmt"
	"net/http"
	"slices"
)

// comparableHeaders are all headers of an answer. Of those whose value is a
// server's own, what remains is that they are there, and how often.
func comparableHeaders(header http.Header, mask *masking) map[string]any {
	result := map[string]any{}
	for name, values := range header {
		if hasOwnValue(name) {
			result[name] = fmt.Sprintf("<%d of its own>", len(values))
			continue
		}
		masked := make([]any, len(values))
		for i, value := range values {
			masked[i] = mask.text(value)
		}
		result[name] = masked
	}
	return result
}

// hasOwnValue reports whether the value of the header differs in each response, with the length
// of a resource version, or in each cluster.
func hasOwnValue(name string) bool {
	return slices.Contains([]string{
		"Audit-Id", "Date", "Content-Length", "Etag", "Last-Modified",
		"X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid",
	}, name)
}
