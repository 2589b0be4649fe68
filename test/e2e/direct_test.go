// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/rest"

	"github.com/events-apiserver/events-apiserver/test/cluster"
)

// directConfig lets a client of kube-apiserver talk to events-apiserver without
// it, with the same credentials.
func (s *suite) directConfig(config *rest.Config) (*rest.Config, error) {
	component, err := s.Component(cluster.EventsAPIServer)
	if err != nil {
		return nil, err
	}
	direct := rest.CopyConfig(config)
	direct.Host = fmt.Sprintf("https://127.0.0.1:%d", component.Port())
	direct.CAData = nil
	direct.CAFile = filepath.Join(s.Config().Dir, "events-apiserver", "certs", "ca.crt")
	return direct, nil
}
