// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

// accessFlags are the flags of serve by which commands find a store.
func accessFlags() []string {
	return []string{"storage", DataDirFlag, "etcd-servers", "etcd-prefix", "etcd-cafile", "etcd-certfile", "etcd-keyfile", EncryptionFlag}
}

// AddAccessFlags adds the flags by which a command finds a store to those of the
// command.
func (o *StorageOptions) AddAccessFlags(flags *pflag.FlagSet) {
	all := pflag.NewFlagSet("store", pflag.ContinueOnError)
	o.addFlags(all)
	for _, name := range accessFlags() {
		flags.AddFlag(all.Lookup(name))
	}
	setUsage(flags, "storage", "The store: "+StorageEmbedded+" (see --data-dir) or "+StorageEtcd+" (see --etcd-servers).")
	setUsage(flags, DataDirFlag, "The data directory, as --"+DataDirFlag+" of serve names it.")
	setUsage(flags, EncryptionFlag, ""+
		"File with the EncryptionConfiguration of the servers, if they have one. Not used where a running server is asked: it has its own.")
}

// Name returns the flag by which the store was named.
func (o *StorageOptions) Name() string {
	if o.Backend == StorageEtcd {
		return fmt.Sprintf("--etcd-servers=%v", o.Etcd.StorageConfig.Transport.ServerList)
	}
	return fmt.Sprintf("--%s=%s", DataDirFlag, o.DataDir)
}

// Access reads the encryption configuration, and returns how a command gets at the
// store. Done ends what that has started.
func (o *StorageOptions) Access(ctx context.Context, api *apiserver.API) (access maintenance.Access, done context.CancelFunc, err error) {
	loaded, err := o.applyEncryption(genericapiserver.NewConfig(api.Codecs))
	if err != nil {
		return maintenance.Access{}, nil, err
	}
	context.AfterFunc(ctx, loaded.stop)
	access = maintenance.Access{
		DataDir: o.DataDir, Etcd: o.Etcd.StorageConfig.Transport, EtcdPrefix: o.Etcd.StorageConfig.Prefix,
	}
	if access.Encryption, err = o.forEmbedded(loaded); err != nil {
		loaded.stop()
		return maintenance.Access{}, nil, err
	}
	return access, loaded.stop, nil
}
