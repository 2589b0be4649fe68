// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/pflag"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"

	"github.com/events-apiserver/events-apiserver/pkg/apiserver"
	"github.com/events-apiserver/events-apiserver/pkg/metrics"
	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
)

const (
	// StorageEmbedded keeps events in this process, on the disk of this machine.
	// It is the default.
	StorageEmbedded = "embedded"
	// StorageEtcd keeps them in an etcd, through k8s.io/apiserver's own etcd3
	// store and watch cache, so that several replicas can share them.
	StorageEtcd = "etcd"
)

// DataDirFlag is the flag of all commands about a data directory.
const DataDirFlag = "data-dir"

// etcdPrefix is the root of all keys, so that an etcd may be shared.
const etcdPrefix = "/events-apiserver"

// StorageOptions chooses the store. Everything above the RESTOptionsGetter that
// they put into the configuration is the same for each.
type StorageOptions struct {
	// Backend names the store.
	Backend string
	// DataDir is where StorageEmbedded keeps its data. It has no default: a
	// directory that depends on where the server was started, or on a container's
	// own file system, would look like lost events one day.
	DataDir string
	// Embedded configures StorageEmbedded.
	Embedded *EmbeddedOptions
	// Etcd configures StorageEtcd; its encryption is that of both stores.
	Etcd *genericoptions.EtcdOptions

	// EncryptionCheckInterval is the CheckInterval of encryption.Config. No flag sets it.
	EncryptionCheckInterval time.Duration

	// restart gets the reason when the store must be opened by another process.
	restart chan error
	// etcdFlags are the flags that fill Etcd; nil where no flags are used.
	etcdFlags *pflag.FlagSet
}

// NewStorageOptions returns the defaults.
func NewStorageOptions(api *apiserver.API) (*StorageOptions, error) {
	codec, err := api.StorageCodec()
	if err != nil {
		return nil, err
	}
	etcd := genericoptions.NewEtcdOptions(storagebackend.NewDefaultConfig(etcdPrefix, codec))
	etcd.DefaultStorageMediaType = runtime.ContentTypeProtobuf
	// A namespace with many events is emptied by this many deletions at once.
	etcd.DeleteCollectionWorkers = 16
	return &StorageOptions{Backend: StorageEmbedded, Embedded: newEmbeddedOptions(), Etcd: etcd, restart: make(chan error, 1)}, nil
}

func (o *StorageOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Backend, "storage", o.Backend, ""+
		"The store that keeps the events: "+StorageEmbedded+" (this process and its disk, see --data-dir; for one replica) or "+
		StorageEtcd+" (an etcd, see --etcd-servers; for several replicas).")
	flags.StringVar(&o.DataDir, DataDirFlag, o.DataDir, ""+
		"The directory in which --storage="+StorageEmbedded+" keeps the events; made if it is not there. One server alone may use it. "+
		"In a pod it must be on a persistent volume.")
	o.Embedded.addFlags(flags)
	o.addEtcdFlags(flags)
	setUsage(flags, EncryptionFlag, ""+
		"File with an EncryptionConfiguration, by which events are encrypted at rest, in either store. As in one for kube-apiserver, their name there is events.")
}

// Validate returns everything that is wrong with the options.
func (o *StorageOptions) Validate() []error {
	switch o.Backend {
	case StorageEmbedded:
		return o.validateEmbedded()
	case StorageEtcd:
		return o.validateEtcd()
	}
	return []error{fmt.Errorf("--storage: unknown store %q; known: %s, %s", o.Backend, StorageEmbedded, StorageEtcd)}
}

func (o *StorageOptions) validateEtcd() []error {
	errs := append(o.Etcd.Validate(), o.Embedded.refuse()...)
	if o.DataDir != "" {
		errs = append(errs, fmt.Errorf("--data-dir is for --storage=%s; the etcd of --storage=%s has its own", StorageEmbedded, StorageEtcd))
	}
	if _, err := genericoptions.ParseWatchCacheSizes(o.Etcd.WatchCacheSizes); err != nil {
		errs = append(errs, fmt.Errorf("--watch-cache-sizes: %w", err))
	}
	for _, server := range o.Etcd.StorageConfig.Transport.ServerList {
		if err := validateEtcdServer(server); err != nil {
			errs = append(errs, fmt.Errorf("--etcd-servers: %q: %w", server, err))
		}
	}
	return errs
}

// validateEmbedded refuses settings of the other store: silently ignored they
// would look as if they worked.
func (o *StorageOptions) validateEmbedded() []error {
	errs := append(o.refuseEtcdFlags(), o.Embedded.validate()...)
	// With --etcd-servers, what is missing is --storage=etcd.
	if o.DataDir == "" && len(o.Etcd.StorageConfig.Transport.ServerList) == 0 {
		errs = append(errs, fmt.Errorf("--data-dir is missing: give a directory for the events (in a pod, on a persistent volume), "+
			"or give --storage=%s and --etcd-servers to keep them in an etcd", StorageEtcd))
	}
	return append(errs, o.validateEncryption()...)
}

func validateEtcdServer(server string) error {
	parsed, err := url.Parse(server)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"http", "https", "unix", "unixs"}, parsed.Scheme) || parsed.Host == "" {
		return errors.New("want a URL like http://127.0.0.1:2379")
	}
	return nil
}

// ApplyTo puts the store into the configuration, and its metrics into the registry. What it returns is to be closed
// after the server has ended.
func (o *StorageOptions) ApplyTo(config *genericapiserver.Config, api *apiserver.API, registry *metrics.Registry) (io.Closer, error) {
	encryption, err := o.applyEncryption(config)
	if err != nil {
		return nil, err
	}
	if o.Backend == StorageEtcd {
		if err := o.applyEtcd(config, api); err != nil {
			return nil, errors.Join(err, encryption.Close())
		}
		return encryption, nil
	}
	store, err := o.applyEmbedded(config, api, registry, encryption)
	if err != nil {
		return nil, errors.Join(err, encryption.Close())
	}
	return closers{store, encryption}, nil
}

func (o *StorageOptions) applyEmbedded(config *genericapiserver.Config, api *apiserver.API, registry *metrics.Registry, loaded *loadedEncryption) (io.Closer, error) {
	encryption, err := o.forEmbedded(loaded)
	if err != nil {
		return nil, err
	}
	settings := embedded.Config{
		Dir:                     o.DataDir,
		Metrics:                 registry,
		DeleteCollectionWorkers: o.Etcd.DeleteCollectionWorkers,
		EnableGarbageCollection: o.Etcd.EnableGarbageCollection,
		CountMetricPollPeriod:   o.Etcd.StorageConfig.CountMetricPollPeriod,
		Encryption:              encryption,
		RestartHelps:            o.RequestRestart,
	}
	o.Embedded.applyTo(&settings)
	store, err := api.OpenEmbeddedStore(settings)
	if err != nil {
		return nil, fmt.Errorf("--data-dir=%s: %w", o.DataDir, err)
	}
	config.RESTOptionsGetter = store
	config.AddReadyzChecks(store.ReadyzCheck())
	return store, nil
}

func (o *StorageOptions) applyEtcd(config *genericapiserver.Config, api *apiserver.API) error {
	storageConfig := o.Etcd.StorageConfig
	storageConfig.StorageObjectCountTracker = config.StorageObjectCountTracker
	resources := serverstorage.NewResourceConfig()
	resources.EnableVersions(eventsv1.SchemeGroupVersion)
	factory := serverstorage.NewDefaultStorageFactory(storageConfig, o.Etcd.DefaultStorageMediaType, api.Codecs,
		serverstorage.NewDefaultResourceEncodingConfig(api.Scheme), resources, nil)
	if err := o.Etcd.ApplyWithStorageFactoryTo(factory, config); err != nil {
		return fmt.Errorf("setting up the etcd store: %w", err)
	}
	config.LivezChecks = slices.DeleteFunc(config.LivezChecks, isEtcdCheck)
	return nil
}

// RequestRestart reports that the store must be opened by another process. It may be
// called once.
func (o *StorageOptions) RequestRestart(reason error) { o.restart <- reason }

// RestartRequested gets the reason when the store must be opened by another process.
func (o *StorageOptions) RestartRequested() <-chan error { return o.restart }

// closers are closed in their order.
type closers []io.Closer

// Close closes all of them, whatever happens.
func (c closers) Close() error {
	var err error
	for _, closer := range c {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// isEtcdCheck returns true for the checks that fail while etcd is away. They belong to
// readiness alone: restarting this server brings no etcd back.
func isEtcdCheck(check healthz.HealthChecker) bool { return check.Name() == "etcd" }
