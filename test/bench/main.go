// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `Measure the embedded store beside the generic etcd3 store and print a table.

Usage:
  bench --etcd PROGRAM --server PROGRAM [FLAGS]

"make bench" builds the two programs and runs this; it takes about 50 minutes
and 15 GB of disk. Ends with a status other than 0 if a figure is missed.

Examples:
  make bench
  make bench BENCH_FLAGS='--events=100000 --sustain=10s'   # a quick look
  make bench BENCH_FLAGS='--only=watch,expiry'
  make bench BENCH_FLAGS='--only=ingest,mirror'            # the bridge to the host

Flags:
`

// settings are the values of the flags.
type settings struct {
	etcdProgram, serverProgram string
	dir, profiles, repo        string
	only                       string
	events                     int
	sustain, sustainEtcd       time.Duration
	seed                       uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) == 2 && os.Args[1] == workerArgument {
		return work(ctx)
	}
	s, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	return newSession(s).measure(ctx)
}

func parse(arguments []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.StringVar(&s.etcdProgram, "etcd", "", "the etcd program")
	flags.StringVar(&s.serverProgram, "server", "", "the events-apiserver program")
	flags.StringVar(&s.dir, "dir", "", "where to work, removed afterwards; default a temporary directory. It should be on the disk to measure")
	flags.StringVar(&s.only, "only", "", "the measurements to make, separated by commas: create,read,restart,server,watch,expiry,ingest,mirror; default all. read, restart and server need create")
	flags.StringVar(&s.repo, "repo", ".", "the checkout; ingest and mirror take the manifests from it and ask it for the programs of a control plane")
	flags.IntVar(&s.events, "events", 10_000_000, "how many events the big store holds")
	flags.DurationVar(&s.sustain, "sustain", 10*time.Minute, "for how long the embedded store is written to, at least")
	flags.DurationVar(&s.sustainEtcd, "sustain-etcd", 2*time.Minute, "for how long etcd is written to, once before and once after")
	flags.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "seed of what is read")
	flags.StringVar(&s.profiles, "profiles", "", "a directory for profiles of the processor time, one for each process; default none")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unknown argument %q; see --help", flags.Arg(0))
	case s.etcdProgram == "" || s.serverProgram == "":
		return s, errors.New("--etcd and --server are needed; \"make bench\" gives them")
	case s.events < pageSize*pages:
		return s, fmt.Errorf("--events=%d: want at least %d, so that there is a hundredth page", s.events, pageSize*pages)
	}
	return s, nil
}
