// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// flagProblems gathers the values that flags refuse. Left alone, parsing would
// stop at the first one and the operator would learn of the next after each
// correction.
type flagProblems struct {
	errs []error
}

func (p *flagProblems) all() []error { return p.errs }

// collectFrom makes every flag of the set report to p what it refuses.
func (p *flagProblems) collectFrom(flags *pflag.FlagSet) {
	flags.VisitAll(func(flag *pflag.Flag) {
		flag.Value = &collectingValue{Value: flag.Value, name: flag.Name, problems: p}
	})
}

// collectingValue remembers a refused value as a problem instead of ending the
// parsing. The flag keeps its former value, and serve does not start.
type collectingValue struct {
	pflag.Value
	name     string
	problems *flagProblems
}

// Set hands the value on and never fails.
func (v *collectingValue) Set(value string) error {
	former := v.String()
	err := v.Value.Set(value)
	if err == nil {
		return nil
	}
	v.problems.errs = append(v.problems.errs, fmt.Errorf("--%s: invalid value %q: %w", v.name, value, err))
	if _, isSlice := v.Value.(pflag.SliceValue); !isSlice {
		// Numbers are zeroed by a value that they refuse; validation would
		// report the zero as well. A former value was accepted before.
		_ = v.Value.Set(former)
	}
	return nil
}

// renamedFlags has the names that flags have now by those that they had.
func renamedFlags() map[string]string {
	return map[string]string{
		"host-event-ttl":  "host-events-ttl",
		"watch-feed-size": "watch-buffer-size",
	}
}

// explainUnknown adds the new name to an error about a flag that was renamed.
func explainUnknown(err error) error {
	unknown := new(pflag.NotExistError)
	if !errors.As(err, &unknown) {
		return err
	}
	if name, renamed := renamedFlags()[unknown.GetSpecifiedName()]; renamed {
		return fmt.Errorf("%w: it is --%s now", err, name)
	}
	return err
}
