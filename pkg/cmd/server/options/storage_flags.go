// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"

	"github.com/spf13/pflag"

	"k8s.io/apimachinery/pkg/util/sets"
)

// sharedFlags are the generic flags about etcd that mean something for the
// embedded store, too. All others are for etcd alone; one that a newer generic
// server brings along is, until it is named here.
func sharedFlags() sets.Set[string] {
	return sets.New(
		"delete-collection-workers",
		"enable-garbage-collector",
		"encryption-provider-config",
		"encryption-provider-config-automatic-reload",
		"etcd-count-metric-poll-period",
	)
}

// addEtcdFlags adds the flags that fill o.Etcd and remembers them, to know later
// which were given.
func (o *StorageOptions) addEtcdFlags(flags *pflag.FlagSet) {
	o.etcdFlags = pflag.NewFlagSet(StorageEtcd, pflag.ContinueOnError)
	o.Etcd.AddFlags(o.etcdFlags)
	setUsage(o.etcdFlags, "etcd-servers", ""+
		"The etcd that keeps the events with --storage="+StorageEtcd+": URLs like http://127.0.0.1:2379, comma separated.")
	flags.AddFlagSet(o.etcdFlags)
}

// refuseEtcdFlags returns an error for each flag that was given and has no
// effect on the embedded store.
func (o *StorageOptions) refuseEtcdFlags() []error {
	if o.etcdFlags == nil {
		return nil
	}
	var errs []error
	o.etcdFlags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed && !sharedFlags().Has(flag.Name) {
			errs = append(errs, fmt.Errorf("--%s is for --storage=%s, and the store is %s: give --storage=%s too, or leave --%s out",
				flag.Name, StorageEtcd, StorageEmbedded, StorageEtcd, flag.Name))
		}
	})
	return errs
}
