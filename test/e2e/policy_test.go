// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

const policy = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: no-forbidden-action
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - apiGroups: ["events.k8s.io"]
      apiVersions: ["v1"]
      operations: ["CREATE"]
      resources: ["events"]
  validations:
  - expression: "!has(object.action) || object.action != 'Forbidden'"
    message: "that action is forbidden"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: no-forbidden-action
spec:
  policyName: no-forbidden-action
  validationActions: ["Deny"]
`

func policyFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
