// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
)

// stockPrecedence is that of "service-accounts", the stock schema that would match
// the requests of the server's account.
const stockPrecedence = 9000

// checkFlowSchema reports what would put the requests of the schema's accounts into
// another priority level.
func checkFlowSchema(objects manifest, schema *flowcontrolv1.FlowSchema) []string {
	problems := objects.need(reference{kind: "PriorityLevelConfiguration", name: schema.Spec.PriorityLevelConfiguration.Name})
	if schema.Spec.MatchingPrecedence >= stockPrecedence {
		problems = append(problems, fmt.Sprintf("matchingPrecedence is %d: the stock schema for service accounts, with %d, would match first",
			schema.Spec.MatchingPrecedence, stockPrecedence))
	}
	for _, account := range accountsOf(schema) {
		problems = append(problems, objects.need(account)...)
	}
	return problems
}

// checkFlowOf reports a server that no FlowSchema names.
func checkFlowOf(objects manifest, account reference) []string {
	if objects[account] == nil {
		return nil // reported elsewhere
	}
	for _, object := range objects {
		schema, ok := object.(*flowcontrolv1.FlowSchema)
		if !ok {
			continue
		}
		if slices.Contains(accountsOf(schema), account) {
			return nil
		}
	}
	return []string{fmt.Sprintf("no FlowSchema names %s: its requests would wait for seats that those of its clients hold", account)}
}

func accountsOf(schema *flowcontrolv1.FlowSchema) []reference {
	var accounts []reference
	for _, rule := range schema.Spec.Rules {
		for _, subject := range rule.Subjects {
			if account := subject.ServiceAccount; account != nil {
				accounts = append(accounts, reference{"ServiceAccount", account.Namespace, account.Name})
			}
		}
	}
	return accounts
}
