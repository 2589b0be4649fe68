// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package entries

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/value"
)

const (
	etcdDialTimeout = 20 * time.Second
	// etcdFirstPage is how many entries are read at first, before it is known how
	// large they are.
	etcdFirstPage = 100
)

// etcdEntries is the entryStore of an etcd, which servers may be using.
type etcdEntries struct {
	client *clientv3.Client
	leases *leases

	mutex sync.Mutex
	// ends has when the leases end that were asked for.
	ends map[clientv3.LeaseID]time.Time
	// limit is how many entries have about pageBytes.
	limit int64
}

var _ entryStore = (*etcdEntries)(nil)

// WithEtcd connects to an etcd and calls do with its content, whose keys begin with
// the root. The transformer decrypts and encrypts the values. It returns an error if
// etcd does not answer, or the error of do.
func WithEtcd(ctx context.Context, config storagebackend.TransportConfig, root string, content Content, transformer value.Transformer, do func(*Store) error) error {
	etcd, err := dialEtcd(ctx, config)
	if err != nil {
		return err
	}
	return errors.Join(do(newStore(etcd, root, content, transformer)), etcd.close())
}

// dialEtcd connects to an etcd, and returns an error if that does not answer.
func dialEtcd(ctx context.Context, config storagebackend.TransportConfig) (*etcdEntries, error) {
	files := transport.TLSInfo{CertFile: config.CertFile, KeyFile: config.KeyFile, TrustedCAFile: config.TrustedCAFile}
	etcd := clientv3.Config{Endpoints: config.ServerList, DialTimeout: etcdDialTimeout, Logger: zap.NewNop(), Context: ctx}
	if config.CertFile != "" || config.KeyFile != "" || config.TrustedCAFile != "" {
		var err error
		if etcd.TLS, err = files.ClientConfig(); err != nil {
			return nil, fmt.Errorf("reading the files for TLS with etcd: %w", err)
		}
	}
	client, err := clientv3.New(etcd)
	if err != nil {
		return nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	probe, cancel := context.WithTimeout(ctx, etcdDialTimeout)
	defer cancel()
	if _, err := client.Get(probe, "health"); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to etcd: %w", err), client.Close())
	}
	return &etcdEntries{client: client, leases: newLeases(client, time.Now), ends: map[clientv3.LeaseID]time.Time{}, limit: etcdFirstPage}, nil
}

func (s *etcdEntries) close() error { return s.client.Close() }

func (s *etcdEntries) page(ctx context.Context, prefix, from string) ([]entry, error) {
	answer, err := s.client.Get(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithLimit(s.limit))
	if err != nil {
		return nil, fmt.Errorf("reading etcd: %w", err)
	}
	page := make([]entry, 0, len(answer.Kvs))
	size := 1
	for _, kv := range answer.Kvs {
		page = append(page, *entryOfKV(kv))
		size += len(kv.Value)
	}
	if len(page) > 0 {
		s.limit = max(1, min(pageEntries, pageBytes*int64(len(page))/int64(size)))
	}
	return page, nil
}

func entryOfKV(kv *mvccpb.KeyValue) *entry {
	return &entry{key: string(kv.Key), value: kv.Value, revision: kv.ModRevision, lease: kv.Lease}
}

func (s *etcdEntries) get(ctx context.Context, key string) (*entry, error) {
	answer, err := s.client.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading etcd: %w", err)
	}
	if len(answer.Kvs) == 0 {
		return nil, nil
	}
	return entryOfKV(answer.Kvs[0]), nil
}

// deadline asks etcd once for each lease, which many entries share. It counts whole
// seconds.
func (s *etcdEntries) deadline(ctx context.Context, of *entry) (time.Time, bool, error) {
	if of.lease == 0 {
		return time.Time{}, true, nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	lease := clientv3.LeaseID(of.lease)
	if ends, known := s.ends[lease]; known {
		return ends, !ends.IsZero(), nil
	}
	answer, err := s.client.TimeToLive(ctx, lease)
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return time.Time{}, false, fmt.Errorf("asking etcd for the time to live of %s: %w", of.key, err)
	}
	if err != nil || answer.TTL < 0 {
		s.ends[lease] = time.Time{}
		return time.Time{}, false, nil
	}
	s.ends[lease] = time.Now().Add(time.Duration(answer.TTL) * time.Second)
	return s.ends[lease], true, nil
}

func (s *etcdEntries) create(ctx context.Context, key string, value []byte, deadline time.Time) (*entry, error) {
	lease, err := s.leases.until(ctx, deadline)
	if err != nil {
		return nil, err
	}
	answer, err := s.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, string(value), clientv3.WithLease(lease))).Else(clientv3.OpGet(key)).Commit()
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return nil, nil // its time is over already
	}
	if err != nil {
		return nil, fmt.Errorf("writing to etcd: %w", err)
	}
	if answer.Succeeded {
		return nil, nil
	}
	return entryOfKV(answer.Responses[0].GetResponseRange().Kvs[0]), nil
}

// replace keeps the lease of the entry, and so its deadline to the second.
func (s *etcdEntries) replace(ctx context.Context, old *entry, value []byte) (bool, error) {
	answer, err := s.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(old.key), "=", old.revision)).
		Then(clientv3.OpPut(old.key, string(value), clientv3.WithLease(clientv3.LeaseID(old.lease)))).Commit()
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return false, nil // it has ended just now
	}
	if err != nil {
		return false, fmt.Errorf("writing to etcd: %w", err)
	}
	return answer.Succeeded, nil
}
