// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package parity

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// differencesFile is the one file of testdata that holds no cases.
const differencesFile = "differences.yaml"

// loadCases reads every theme, in the order of the file names. The result is
// expanded and checked.
func loadCases(testdata fs.FS) (map[string][]testCase, error) {
	files, err := fs.Glob(testdata, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing the data: %w", err)
	}
	themes := map[string][]testCase{}
	names := map[string]string{}
	for _, file := range files {
		if file == differencesFile {
			continue
		}
		theme := strings.TrimSuffix(path.Base(file), ".yaml")
		cases, err := loadTheme(testdata, file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		for _, c := range cases {
			if other, taken := names[c.Name]; taken {
				return nil, fmt.Errorf("reading %s: there is a case %s in %s already", file, c.Name, other)
			}
			names[c.Name] = file
		}
		themes[theme] = cases
	}
	return themes, nil
}

func loadTheme(testdata fs.FS, file string) ([]testCase, error) {
	content, err := fs.ReadFile(testdata, file)
	if err != nil {
		return nil, err
	}
	var s suite
	// Strict: a misspelt key would silently test nothing.
	if err := yaml.UnmarshalStrict(content, &s); err != nil {
		return nil, err
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		if c.Steps, err = expandSteps(c.Steps); err != nil {
			return nil, fmt.Errorf("case %d, %q: %w", i+1, c.Name, err)
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("case %d, %q: %w", i+1, c.Name, err)
		}
	}
	return s.Cases, nil
}

func (c *testCase) check() error {
	if c.Name == "" || strings.ContainsAny(c.Name, " /") {
		return errors.New("needs a name without spaces and slashes")
	}
	if len(c.Steps) == 0 {
		return errors.New("has no steps")
	}
	for i := range c.Steps {
		if err := c.Steps[i].check(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *step) check() error {
	kinds := 0
	for _, is := range []bool{s.Do != "", s.Read != nil, s.Compact != ""} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		return errors.New("needs exactly one of do, read and compact")
	}
	if s.Do != "" && len(strings.Fields(s.Do)) < 2 {
		return fmt.Errorf("do is %q, want a method and a path", s.Do)
	}
	if !slices.Contains([]string{"", compactStore, compactEverything}, s.Compact) {
		return fmt.Errorf("compact is %q", s.Compact)
	}
	if s.Await != 0 && !s.Setup {
		return errors.New("await is for setup only: how often a server was asked is not compared")
	}
	if !slices.Contains([]string{"", "admin", "nobody", "anonymous", "badtoken"}, s.As) {
		return fmt.Errorf("there is no user %q", s.As)
	}
	if s.Body != nil {
		return s.Body.check()
	}
	return nil
}

func (b *body) check() error {
	kinds := 0
	for _, is := range []bool{b.Event != nil, b.JSON != nil, b.Text != nil, b.Hex != ""} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		return errors.New("a body needs exactly one of event, json, text and hex")
	}
	if !slices.Contains([]string{"", encodeJSON, encodeYAML, encodeProtobuf}, b.Encode) {
		return fmt.Errorf("a body cannot be written as %q", b.Encode)
	}
	return nil
}
