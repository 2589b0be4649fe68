// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "fmt"

// Problems with rows that do not agree with the versions, as text. Multiset hashes hold
// key and value of a row as one; the length of the key is known for each kind.

const (
	changeKeyBytes = 1 + revisionBytes
	expiryKeyBytes = 1 + 8 + revisionBytes
)

// wrongChange is for a change row that no version calls for.
func wrongChange(row []byte) error {
	revision, err := decodeChangeKey(row[:changeKeyBytes])
	if err != nil {
		return err
	}
	change, err := decodeChangeRow(row[changeKeyBytes:])
	if err != nil {
		return fmt.Errorf("change %d: %w", revision, err)
	}
	return fmt.Errorf("%w: change %d of key %q does not agree with its version or the one before", ErrCorrupt, revision, change.key)
}

// missingChange is for a change row that is not there.
func missingChange(row []byte) error {
	revision, err := decodeChangeKey(row[:changeKeyBytes])
	if err != nil {
		return err
	}
	change, err := decodeChangeRow(row[changeKeyBytes:])
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: version %d of key %q has no change row, or another one", ErrCorrupt, revision, change.key)
}

// leftOverExpiry is for an expiry row that no version calls for.
func leftOverExpiry(row []byte) error {
	_, revision, err := decodeExpiryKey(row[:expiryKeyBytes])
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: expiry row of key %q at revision %d is left over", ErrCorrupt, row[expiryKeyBytes:], revision)
}

// missingExpiry is for an expiry row that is not there.
func missingExpiry(row []byte) error {
	_, revision, err := decodeExpiryKey(row[:expiryKeyBytes])
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: version %d of key %q has no expiry row", ErrCorrupt, revision, row[expiryKeyBytes:])
}

// leftOver is for an index row that no version calls for.
func (x *checkedIndex) leftOver(row []byte) error {
	_, value, key, err := decodeIndexKey(row)
	if err != nil {
		return fmt.Errorf("index %s: %w", x.name, err)
	}
	return fmt.Errorf("%w: index %s has key %q under %q, which no version of it has", ErrCorrupt, x.name, key, value)
}

// missing is for an index row that is not there.
func (x *checkedIndex) missing(row []byte) error {
	_, value, key, err := decodeIndexKey(row)
	if err != nil {
		return fmt.Errorf("index %s: %w", x.name, err)
	}
	return fmt.Errorf("%w: index %s lacks key %q under %q", ErrCorrupt, x.name, key, value)
}
