// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// remainingField is what a continue token has beside its own fields: how many objects
// were behind the page that it is from. Who does not know it passes over it.
const remainingField = "remaining"

// withRemaining adds the number of objects behind the page to its continue token.
func withRemaining(token string, remaining int64) (string, error) {
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

// remainingOf returns the number of a token, or 0 when it has none. What a client has
// put there is of concern to that client alone.
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
