// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package hostevents

import (
	"context"

	"k8s.io/klog/v2"
)

// compareVersions warns when our resource versions are above the host's. Clients
// keep ours. If the group is given back to the host, a watch from a version that
// the host has not reached waits in silence until it has; one from a lower version
// that it has compacted ends with 410, after which clients list again.
func (b *Bridge) compareVersions(ctx context.Context, newestInHost uint64) error {
	ours, err := b.config.Local.Revision(ctx)
	if err != nil {
		return err
	}
	ahead := ours >= newestInHost
	b.state.change(func(status *Status) { status.VersionsAhead = ahead })
	if ahead {
		klog.FromContext(ctx).Info("Resource versions here are above those of the host cluster: restart clients that watch events.k8s.io after the group is given back to it",
			"ours", ours, "host", newestInHost)
	}
	return nil
}
