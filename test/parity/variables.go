// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// variables are what a case knows of one server. Beyond their names, these can
// be written in the data:
//
//	${rv+1}         the number in rv, one more; or less, with a minus
//	${repeat x 3}   xxx
//	${base64 x}     x as in a continue token; x may hold variables written $(name)
type variables map[string]string

// A variable's text has no braces but for a JSON text to encode.
func variablePattern() *regexp.Regexp {
	return regexp.MustCompile(`\$\{(base64 .*?\}|[^{}]+)\}`)
}

// expand replaces all variables in text.
func (v variables) expand(text string) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var failure error
	result := variablePattern().ReplaceAllStringFunc(text, func(match string) string {
		value, err := v.value(match[2 : len(match)-1])
		if err != nil {
			failure = err
		}
		return value
	})
	return result, failure
}

// expandKnown replaces the variables that there are and leaves the others.
func (v variables) expandKnown(text string) string {
	return variablePattern().ReplaceAllStringFunc(text, func(match string) string {
		value, err := v.value(match[2 : len(match)-1])
		if err != nil {
			return match
		}
		return value
	})
}

func (v variables) value(expression string) (string, error) {
	if value, ok := v[expression]; ok {
		return value, nil
	}
	if text, ok := strings.CutPrefix(expression, "repeat "); ok {
		return repeat(text)
	}
	if text, ok := strings.CutPrefix(expression, "base64 "); ok {
		for name, value := range v {
			text = strings.ReplaceAll(text, "$("+name+")", value)
		}
		return base64.RawURLEncoding.EncodeToString([]byte(text)), nil
	}
	if at := strings.LastIndexAny(expression, "+-"); at > 0 {
		if value, ok := v[expression[:at]]; ok {
			return shift(value, expression[at:])
		}
	}
	return "", fmt.Errorf("there is no variable %q", expression)
}

func repeat(text string) (string, error) {
	what, times, ok := strings.Cut(text, " ")
	if !ok {
		return "", fmt.Errorf("repeat %q: want a text and a number", text)
	}
	n, err := strconv.Atoi(times)
	if err != nil {
		return "", fmt.Errorf("repeat %q: %w", text, err)
	}
	return strings.Repeat(what, n), nil
}

func shift(value, by string) (string, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", fmt.Errorf("%q%s: %w", value, by, err)
	}
	delta, err := strconv.ParseInt(by, 10, 64)
	if err != nil {
		return "", fmt.Errorf("%q%s: %w", value, by, err)
	}
	return strconv.FormatInt(n+delta, 10), nil
}

// expandTree replaces the variables in every string of a JSON value.
func (v variables) expandTree(tree any) (any, error) {
	var failure error
	result := mapStrings(tree, func(text string) string {
		expanded, err := v.expand(text)
		if err != nil {
			failure = err
		}
		return expanded
	})
	return result, failure
}
