// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestCheckEmbeddedStore(t *testing.T) {
	t.Parallel()
	testChanges(t, embedded, []change{
		{name: "good"},
		{name: "one replica by default", old: "  replicas: 1\n", new: ""},
		{name: "one pod at a time", old: "ReadWriteOnce", new: "ReadWriteOncePod"},
		{name: "another program", old: "- serve", new: "- version"},
		{
			name: "two replicas",
			old:  "replicas: 1", new: "replicas: 2",
			want: "Deployment events-apiserver/server: replicas is 2, want 1",
		},
		{
			name: "no replica",
			old:  "replicas: 1", new: "replicas: 0",
			want: "replicas is 0, want 1",
		},
		{
			name: "new pod before the old one ends",
			old:  "type: Recreate", new: "type: RollingUpdate",
			want: `strategy.type is "RollingUpdate", want Recreate`,
		},
		{
			name: "strategy left to its default",
			old:  "  strategy:\n    type: Recreate\n", new: "",
			want: `strategy.type is "", want Recreate`,
		},
		{
			name: "volume of root",
			old:  "        fsGroup: 65534\n", new: "",
			want: "securityContext.fsGroup is not set",
		},
		{
			name: "data accessible to the group",
			old:  "        fsGroupChangePolicy: OnRootMismatch\n", new: "",
			want: "securityContext.fsGroupChangePolicy is not OnRootMismatch",
		},
		{
			name: "flag of the other store",
			old:  "            - serve\n", new: "            - serve\n            - --etcd-servers=http://etcd:2379\n",
			want: "--etcd-servers=http://etcd:2379 is refused without --storage=etcd",
		},
		{
			name: "no data directory",
			old:  "            - --data-dir=/var/lib/events/data\n", new: "",
			want: `--data-dir is "", want a directory on a volume`,
		},
		{
			name: "data directory relative to the working directory",
			old:  "--data-dir=/var/lib/events/data", new: "--data-dir=data",
			want: `--data-dir is "data"`,
		},
		{
			name: "data directory changed without its mount",
			old:  "--data-dir=/var/lib/events/data", new: "--data-dir=/var/lib/events-data",
			want: "no volume is mounted at --data-dir=/var/lib/events-data or above it",
		},
		{name: "data directory at the root of the volume", old: "--data-dir=/var/lib/events/data", new: "--data-dir=/var/lib/events"},
		{name: "mounted with a slash at the end", old: "mountPath: /var/lib/events\n", new: "mountPath: /var/lib/events/\n"},
		{
			name: "read-only volume",
			old:  "mountPath: /var/lib/events\n", new: "mountPath: /var/lib/events\n              readOnly: true\n",
			want: "the volume of --data-dir=/var/lib/events/data is mounted read-only",
		},
		{
			name: "volume lost with the pod",
			old:  "persistentVolumeClaim:\n            claimName: data", new: "emptyDir: {}",
			want: "is not a persistentVolumeClaim",
		},
		{
			name: "another volume mounted over the directory",
			old:  "mountPath: /etc/tls", new: "mountPath: /var/lib/events/data",
			want: "the volume of --data-dir=/var/lib/events/data is mounted read-only",
		},
		{
			name: "volume for several nodes",
			old:  "ReadWriteOnce", new: "ReadWriteMany",
			want: "PersistentVolumeClaim events-apiserver/data has the access mode ReadWriteMany",
		},
		{
			name: "drains blocked by minAvailable",
			old:  "maxUnavailable: 1", new: "minAvailable: 1",
			want: "PodDisruptionBudget events-apiserver/server would block every drain",
		},
		{
			name: "drains blocked by a budget of none",
			old:  "maxUnavailable: 1", new: "maxUnavailable: 0%",
			want: "PodDisruptionBudget events-apiserver/server would block every drain",
		},
		{
			name: "budget of another program",
			old:  "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: server", new: "minAvailable: 1\n  selector:\n    matchLabels:\n      app: other",
		},
		{
			name: "killed while it starts",
			old:  "startupProbe", new: "livenessProbe",
			want: "startupProbe is missing",
		},
		{
			name: "killed while it ends",
			old:  "terminationGracePeriodSeconds: 90", new: "terminationGracePeriodSeconds: 30",
			want: "terminationGracePeriodSeconds is not above 70",
		},
		{
			name: "killed while it ends, by default",
			old:  "      terminationGracePeriodSeconds: 90\n", new: "",
			want: "terminationGracePeriodSeconds is not above 70",
		},
	})
}

func TestCheckEtcdStore(t *testing.T) {
	t.Parallel()
	testChanges(t, etcd, []change{
		{name: "good"},
		{
			name: "config map missing",
			old:  "name: settings\n                  key", new: "name: other\n                  key",
			want: "Deployment events-apiserver/server: container server: needs ConfigMap events-apiserver/other",
		},
		{
			name: "setting without a value",
			old:  "etcd-servers: http://etcd:2379", new: `etcd-servers: ""`,
			want: "Deployment events-apiserver/server: container server: ConfigMap events-apiserver/settings has no value for etcd-servers",
		},
		{
			name: "no etcd",
			old:  "            - --etcd-servers=$(SERVERS)\n", new: "",
			want: "--storage=etcd is given without --etcd-servers",
		},
		{
			name: "data directory",
			old:  "            - --storage=etcd\n", new: "            - --storage=etcd\n            - --data-dir=/data\n",
			want: "--data-dir is refused with --storage=etcd",
		},
		{
			name: "gap in every rollout",
			old:  "type: RollingUpdate", new: "type: Recreate",
			want: "strategy.type is Recreate",
		},
		{
			name: "volume left over",
			old:  "      volumes:\n", new: "      volumes:\n        - name: data\n          persistentVolumeClaim: {}\n",
			want: "the volume data is a persistentVolumeClaim",
		},
	})
}
