// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/events-apiserver/events-apiserver/pkg/storage/embedded"
)

const (
	leastCompactionInterval = time.Second
	mostCompactionInterval  = 24 * time.Hour
	leastClockJumpHold      = time.Minute
	mostClockJumpHold       = 7 * 24 * time.Hour
	// writeBuffers is how many memtables there may be.
	writeBuffers = 4
)

// EmbeddedOptions are settings of StorageEmbedded.
type EmbeddedOptions struct {
	// CompactionInterval is how long old revisions stay readable at least, and
	// how often they are removed.
	CompactionInterval time.Duration
	// BlockCache, WriteBuffer and WatchBuffer bound the memory of the store.
	BlockCache, WriteBuffer, WatchBuffer resource.QuantityValue
	// MinFreeDisk is the free space below which writes are refused; 0 is none.
	MinFreeDisk resource.QuantityValue
	// ClockJumpHold is how long the clock must stay after a jump before events
	// expire by it; 0 believes each jump at once.
	ClockJumpHold time.Duration

	// flags are those that fill the options; nil where no flags are used.
	flags *pflag.FlagSet
}

func newEmbeddedOptions() *EmbeddedOptions {
	defaults := embedded.DefaultConfig()
	return &EmbeddedOptions{
		CompactionInterval: defaults.HistoryRetention,
		BlockCache:         quantity(defaults.BlockCacheBytes),
		WriteBuffer:        quantity(defaults.WriteBufferBytes),
		WatchBuffer:        quantity(defaults.WatchBufferBytes),
		MinFreeDisk:        quantity(defaults.MinFreeDiskBytes),
		ClockJumpHold:      defaults.ClockJumpHold,
	}
}

func quantity(bytes int64) resource.QuantityValue {
	return resource.QuantityValue{Quantity: *resource.NewQuantity(bytes, resource.BinarySI)}
}

func (o *EmbeddedOptions) addFlags(flags *pflag.FlagSet) {
	o.flags = pflag.NewFlagSet(StorageEmbedded, pflag.ContinueOnError)
	o.flags.DurationVar(&o.CompactionInterval, "compaction-interval", o.CompactionInterval, ""+
		"How long old revisions stay readable at least, with --storage="+StorageEmbedded+"; they are removed this often, so twice that at most. "+
		"Within that time a list goes on in pages and a watch resumes where it was; meanwhile the disk keeps what was deleted and replaced. From 1s to 24h.")
	o.flags.Var(&o.BlockCache, "block-cache-size", ""+
		"Memory for the block cache, which has blocks of sstables, with --storage="+StorageEmbedded+". From 8Mi to 64Gi.")
	o.flags.Var(&o.WriteBuffer, "write-buffer-size", ""+
		"Memory for writes that are in the WAL and not flushed to sstables yet, with --storage="+StorageEmbedded+": "+
		"the size of one memtable, of which there are up to four. Larger ones make fewer flushes and a longer start after a crash. From 4Mi to 1Gi.")
	o.flags.Var(&o.WatchBuffer, "watch-buffer-size", ""+
		"Memory for the newest changes, from which watches are served, with --storage="+StorageEmbedded+". A watch that is further behind reads the disk. From 1Mi to 8Gi.")
	o.flags.Var(&o.MinFreeDisk, "min-free-disk", ""+
		"Free space on the disk of --data-dir below which writes are refused with 429, with --storage="+StorageEmbedded+"; deletes are down to half of it. "+
		"At least eight times --write-buffer-size, or 0: then writes go on until the disk is full, and deletes, too, fail until space is freed.")
	o.flags.DurationVar(&o.ClockJumpHold, "clock-jump-hold", o.ClockJumpHold, ""+
		"How long the clock must stay where it is after a jump of more than an hour, ahead or back, before events expire by it, with --storage="+StorageEmbedded+". "+
		"The time that the server was stopped is such a jump, too. From 1m to 168h, or 0: each jump is believed at once.")
	flags.AddFlagSet(o.flags)
}

// sizeBounds are of a setting in bytes, as text as a person writes them.
type sizeBounds struct {
	flag        string
	value       *resource.QuantityValue
	least, most string
}

func (o *EmbeddedOptions) sizes() []sizeBounds {
	return []sizeBounds{
		{"block-cache-size", &o.BlockCache, "8Mi", "64Gi"},
		{"write-buffer-size", &o.WriteBuffer, "4Mi", "1Gi"},
		{"watch-buffer-size", &o.WatchBuffer, "1Mi", "8Gi"},
	}
}

func (o *EmbeddedOptions) validate() []error {
	var errs []error
	if o.CompactionInterval < leastCompactionInterval || o.CompactionInterval > mostCompactionInterval {
		errs = append(errs, fmt.Errorf("--compaction-interval: %s is not from %s to %s", o.CompactionInterval, leastCompactionInterval, mostCompactionInterval))
	}
	if hold := o.ClockJumpHold; hold != 0 && (hold < leastClockJumpHold || hold > mostClockJumpHold) {
		errs = append(errs, fmt.Errorf("--clock-jump-hold: %s is not from %s to %s, or 0", hold, leastClockJumpHold, mostClockJumpHold))
	}
	for _, size := range o.sizes() {
		least, most := resource.MustParse(size.least), resource.MustParse(size.most)
		if size.value.Cmp(least) < 0 || size.value.Cmp(most) > 0 {
			errs = append(errs, fmt.Errorf("--%s: %s is not from %s to %s", size.flag, size.value, size.least, size.most))
		}
	}
	return append(errs, o.validateMinFreeDisk()...)
}

// validateMinFreeDisk requires space for all memtables in the half of it at which
// deletes are refused, too: they must be flushed in any case.
func (o *EmbeddedOptions) validateMinFreeDisk() []error {
	least := 2 * writeBuffers * o.WriteBuffer.Value()
	if free := o.MinFreeDisk.Value(); free == 0 || free >= least {
		return nil
	}
	return []error{fmt.Errorf("--min-free-disk: %s is too little for --write-buffer-size=%s: want at least %s, or 0 for none",
		&o.MinFreeDisk, &o.WriteBuffer, resource.NewQuantity(least, resource.BinarySI))}
}

// refuse returns an error for each flag that was given and has no effect on
// another store.
func (o *EmbeddedOptions) refuse() []error {
	if o.flags == nil {
		return nil
	}
	var errs []error
	o.flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed {
			errs = append(errs, fmt.Errorf("--%s is for --storage=%s: leave it out with --storage=%s", flag.Name, StorageEmbedded, StorageEtcd))
		}
	})
	return errs
}

// applyTo fills what the options are about.
func (o *EmbeddedOptions) applyTo(config *embedded.Config) {
	config.HistoryRetention = o.CompactionInterval
	config.BlockCacheBytes = o.BlockCache.Value()
	config.WriteBufferBytes = o.WriteBuffer.Value()
	config.WatchBufferBytes = o.WatchBuffer.Value()
	config.MinFreeDiskBytes = o.MinFreeDisk.Value()
	if config.MinFreeDiskBytes == 0 {
		config.MinFreeDiskBytes = -1
	}
	config.ClockJumpHold = o.ClockJumpHold
	if config.ClockJumpHold == 0 {
		config.ClockJumpHold = -1
	}
}
