// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiserver/pkg/cel/environment"
)

// excluder evaluates whether match conditions exclude the server's account.
type excluder struct {
	env       *cel.Env
	request   map[string]any
	condition string
}

// newExcluder returns an excluder for the account.
func newExcluder(account Account) (*excluder, error) {
	env, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).StoredExpressionsEnv().Extend(
		cel.Variable("request", cel.DynType),
		cel.Variable("object", cel.DynType),
		cel.Variable("oldObject", cel.DynType),
		cel.Variable("params", cel.DynType),
		cel.Variable("namespaceObject", cel.DynType),
		cel.Variable("authorizer", cel.DynType),
		cel.Variable("variables", cel.DynType),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing to evaluate match conditions: %w", err)
	}
	core := func(name, value string) map[string]string {
		return map[string]string{"group": "", "version": "v1", name: value}
	}
	return &excluder{
		env: env,
		request: map[string]any{
			"userInfo":        map[string]any{"username": account.Username(), "groups": account.Groups()},
			"requestKind":     core("kind", "Event"),
			"requestResource": core("resource", "events"),
		},
		condition: fmt.Sprintf("request.userInfo.username != '%s'", account.Username()),
	}, nil
}

// excludes reports whether one of the conditions is false for every write of the account. The
// event, the namespace and the operation are unknown in the evaluation.
func (e *excluder) excludes(conditions []admissionregistrationv1.MatchCondition) bool {
	for _, condition := range conditions {
		if e.isFalse(condition.Expression) {
			return true
		}
	}
	return false
}

func (e *excluder) isFalse(expression string) bool {
	ast, issues := e.env.Compile(expression)
	if issues.Err() != nil {
		return false
	}
	program, err := e.env.Program(ast, cel.EvalOptions(cel.OptPartialEval))
	if err != nil {
		return false
	}
	unknown := []*cel.AttributePatternType{cel.AttributePattern("request").QualString("userInfo").QualString("uid"), cel.AttributePattern("request").QualString("userInfo").QualString("extra")}
	for _, variable := range []string{"object", "oldObject", "params", "namespaceObject", "authorizer", "variables"} {
		unknown = append(unknown, cel.AttributePattern(variable))
	}
	for _, field := range []string{"uid", "kind", "resource", "subResource", "requestSubResource", "name", "namespace", "operation", "dryRun", "options"} {
		unknown = append(unknown, cel.AttributePattern("request").QualString(field))
	}
	vars, err := cel.PartialVars(map[string]any{"request": e.request}, unknown...)
	if err != nil {
		return false
	}
	// An unknown result is neither an error nor false.
	value, _, err := program.Eval(vars)
	return err == nil && value == types.False
}
