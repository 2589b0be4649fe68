// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// remainingField is a field that this package adds to continue tokens: the number of
// objects after the page of the token. Decoders of other servers ignore it.
const remainingField = "remaining"

// addRemaining returns the continue token with the number of objects after its page.
func addRemaining(token string, remaining int64) (string, error) {
	fields, err := tokenFields(token)
	if err != nil {
		return "", fmt.Errorf("adding to the continue token: %w", err)
	}
	if fields[remainingField], err = json.Marshal(remaining); err != nil {
		return "", fmt.Errorf("adding to the continue token: %w", err)
	}
	encoded, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("adding to the continue token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(encoded), nil
}

// remainingOf returns the number in a token, or 0 if it has none. A client may send any
// number: it is only used for the remainingItemCount of that client's own list.
func remainingOf(token string) int64 {
	if token == "" {
		return 0
	}
	fields, err := tokenFields(token)
	if err != nil {
		return 0
	}
	var remaining int64
	if json.Unmarshal(fields[remainingField], &remaining) != nil {
		return 0
	}
	return max(remaining, 0)
}

func tokenFields(token string) (map[string]json.RawMessage, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	err = json.Unmarshal(decoded, &fields)
	return fields, err
}
