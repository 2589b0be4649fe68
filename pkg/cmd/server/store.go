// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/storage/maintenance"
)

// storeFlags are the flags of serve by which commands find a store.
func storeFlags() []string {
	return []string{"storage", dataDirFlag, "etcd-servers", "etcd-prefix", "etcd-cafile", "etcd-certfile", "etcd-keyfile", encryptionFlag}
}

// opened is a store that a command works on.
type opened struct {
	stores maintenance.Maintenance
	access maintenance.Access
}

// withStore adds the flags that choose a store to a command, and gives the store to
// run, whose errors then name it.
func withStore(cmd *cobra.Command, run func(cmd *cobra.Command, store opened, args []string) error) *cobra.Command {
	api, err := apiserver.NewAPI()
	if err != nil {
		return failing(cmd, err)
	}
	options, err := newStorageOptions(api)
	if err != nil {
		return failing(cmd, err)
	}
	all := pflag.NewFlagSet("store", pflag.ContinueOnError)
	options.addFlags(all)
	for _, name := range storeFlags() {
		cmd.Flags().AddFlag(all.Lookup(name))
	}
	setUsage(cmd.Flags(), "storage", "The store: "+storageEmbedded+" (see --data-dir) or "+storageEtcd+" (see --etcd-servers).")
	setUsage(cmd.Flags(), dataDirFlag, "The data directory, as --"+dataDirFlag+" of serve names it.")
	setUsage(cmd.Flags(), encryptionFlag, ""+
		"File with the EncryptionConfiguration of the servers, if they have one. Not used where a running server is asked: it has its own.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := errors.Join(options.validate()...); err != nil {
			return err
		}
		store, done, err := options.open(cmd.Context(), api)
		if err != nil {
			return err
		}
		defer done()
		if err := run(cmd, store, args); err != nil {
			return fmt.Errorf("%s: %w", options.name(), err)
		}
		return nil
	}
	return cmd
}

// name is how the store was named.
func (o *StorageOptions) name() string {
	if o.Backend == storageEtcd {
		return fmt.Sprintf("--etcd-servers=%v", o.Etcd.StorageConfig.Transport.ServerList)
	}
	return fmt.Sprintf("--%s=%s", dataDirFlag, o.DataDir)
}

// open reads the encryption configuration. Done ends what that has started.
func (o *StorageOptions) open(ctx context.Context, api *apiserver.API) (store opened, done context.CancelFunc, err error) {
	stores, err := api.Maintenance()
	if err != nil {
		return opened{}, nil, err
	}
	encryption, err := o.applyEncryption(genericapiserver.NewConfig(api.Codecs))
	if err != nil {
		return opened{}, nil, err
	}
	context.AfterFunc(ctx, encryption.stop)
	access := maintenance.Access{
		DataDir: o.DataDir, Etcd: o.Etcd.StorageConfig.Transport, EtcdPrefix: o.Etcd.StorageConfig.Prefix,
	}
	if access.Encryption, err = o.forEmbedded(encryption); err != nil {
		encryption.stop()
		return opened{}, nil, err
	}
	return opened{stores: stores, access: access}, encryption.stop, nil
}
