// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"cmp"
	"fmt"

	genericoptions "k8s.io/apiserver/pkg/server/options"
)

// anyBackend switches an audit backend on for a check: the generic options look
// at its flags only then, and a wrong value would wait for the day on which
// auditing is turned on.
const anyBackend = "-"

// validateAudit gives the errors about words the names of their flags, which
// the generic options leave out: each word is tried alone among defaults.
func validateAudit(given *genericoptions.AuditOptions) []error {
	words := []struct {
		flag string
		set  func(tried *genericoptions.AuditOptions)
	}{
		{"audit-log-format", func(tried *genericoptions.AuditOptions) { tried.LogOptions.Format = given.LogOptions.Format }},
		{"audit-log-mode", func(tried *genericoptions.AuditOptions) {
			tried.LogOptions.BatchOptions.Mode = given.LogOptions.BatchOptions.Mode
		}},
		{"audit-log-version", func(tried *genericoptions.AuditOptions) {
			tried.LogOptions.GroupVersionString = given.LogOptions.GroupVersionString
		}},
		{"audit-webhook-mode", func(tried *genericoptions.AuditOptions) {
			tried.WebhookOptions.BatchOptions.Mode = given.WebhookOptions.BatchOptions.Mode
		}},
		{"audit-webhook-version", func(tried *genericoptions.AuditOptions) {
			tried.WebhookOptions.GroupVersionString = given.WebhookOptions.GroupVersionString
		}},
	}
	var errs []error
	for _, word := range words {
		tried := genericoptions.NewAuditOptions()
		word.set(tried)
		for _, err := range withBackends(tried).Validate() {
			errs = append(errs, fmt.Errorf("--%s: %w", word.flag, err))
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return withBackends(given).Validate()
}

// withBackends returns a copy in which both backends are on.
func withBackends(audit *genericoptions.AuditOptions) *genericoptions.AuditOptions {
	enabled := *audit
	enabled.LogOptions.Path = cmp.Or(enabled.LogOptions.Path, anyBackend)
	enabled.WebhookOptions.ConfigFile = cmp.Or(enabled.WebhookOptions.ConfigFile, anyBackend)
	return &enabled
}
