#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs events-apiserver without a cluster, with an etcd beside it, until Ctrl-C.
set -o errexit -o nounset -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly binary=bin/events-apiserver
readonly dir=_output/standalone
readonly address=127.0.0.1
readonly port=${EVENTS_STANDALONE_PORT:-16445}
readonly etcd_port=${EVENTS_STANDALONE_ETCD_PORT:-12479}
readonly etcd_peer_port=${EVENTS_STANDALONE_ETCD_PEER_PORT:-12480}
# How long to wait for the server to get ready, in seconds.
readonly patience=60

usage() {
  cat <<HELP
Run events-apiserver without a cluster, with an etcd beside it, until Ctrl-C.
Events are kept in $dir/etcd from one run to the next.

Usage:
  hack/run-standalone.sh [FLAG...]
  hack/run-standalone.sh --help

FLAG is a flag of "$binary serve".
Needed first: make build && hack/cluster/build.sh etcd kubectl ("make run" does both).

Examples:
  hack/run-standalone.sh
  hack/run-standalone.sh --event-ttl=1h --v=2
  EVENTS_STANDALONE_PORT=26445 hack/run-standalone.sh

Environment:
  EVENTS_STANDALONE_PORT            port of events-apiserver (default 16445)
  EVENTS_STANDALONE_ETCD_PORT       port of etcd (default 12479)
  EVENTS_STANDALONE_ETCD_PEER_PORT  port of etcd for its peers, of which it has none (default 12480)
HELP
}

say() { printf 'run-standalone.sh: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

check_program() {
  [[ -x $1 ]] || fail "$1 is missing; build it: $2"
}

# lock lets one run at a time work in the directory. File descriptor 9 is not
# handed to the programs, or one that outlives this script would keep the lock.
lock() {
  mkdir -p "$dir"
  exec 9>"$dir/.lock"
  flock --nonblock 9 ||
    fail "it already runs in $dir: use it with export KUBECONFIG=$dir/kubeconfig, or end it with Ctrl-C where it was started"
}

# check_port VARIABLE PORT
check_port() {
  { [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] && (($2 < 65536)); } || fail "$1 is \"$2\", want a port"
  if (exec 3<>"/dev/tcp/$address/$2") 2>/dev/null 9>&-; then
    fail "port $2 on $address is taken; end what listens there, or choose another: $1=PORT make run"
  fi
}

check_ports() {
  check_port EVENTS_STANDALONE_PORT "$port"
  check_port EVENTS_STANDALONE_ETCD_PORT "$etcd_port"
  check_port EVENTS_STANDALONE_ETCD_PEER_PORT "$etcd_peer_port"
  [[ $port != "$etcd_port" && $port != "$etcd_peer_port" && $etcd_port != "$etcd_peer_port" ]] ||
    fail "the three ports must differ: $port, $etcd_port, $etcd_peer_port; see hack/run-standalone.sh --help"
}

# What runs a program out of reach of the terminal's Ctrl-C, so that the server
# can stop before its etcd does. Should this script be killed outright, the
# program is told to end.
readonly own_session=(setsid setpriv --pdeathsig TERM)

etcd_pid='' server_pid=''

start_etcd() {
  local client=http://$address:$etcd_port peer=http://$address:$etcd_peer_port
  "${own_session[@]}" "$tools/etcd" --name=standalone --data-dir="$dir/etcd" --log-level=warn \
    --listen-client-urls="$client" --advertise-client-urls="$client" \
    --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer" --initial-cluster="standalone=$peer" \
    >"$dir/etcd.log" 2>&1 9>&- &
  etcd_pid=$!
}

start_server() {
  # Else the wait below could be content with what an earlier run wrote.
  rm -f "$dir/kubeconfig"
  "${own_session[@]}" "$binary" serve --standalone --bind-address="$address" --secure-port="$port" --cert-dir="$dir" \
    --storage=etcd --etcd-servers="http://$address:$etcd_port" "$@" \
    >"$dir/events-apiserver.log" 2>&1 9>&- &
  server_pid=$!
}

# check_running NAME PID; a program that ended by itself left the reason in its log.
check_running() {
  if kill -0 "$2" 2>/dev/null; then return; fi
  say "$1 has ended; the last lines of $dir/$1.log:"
  tail -n 5 "$dir/$1.log" >&2
  exit 1
}

check_both() {
  check_running etcd "$etcd_pid"
  check_running events-apiserver "$server_pid"
}

ready() {
  [[ -s $dir/kubeconfig ]] &&
    "$tools/kubectl" --kubeconfig="$dir/kubeconfig" get --raw=/readyz --request-timeout=2s 9>&-
}

wait_ready() {
  local end=$((SECONDS + patience))
  until ready >/dev/null 2>&1; do
    check_both
    ((SECONDS < end)) || fail "not ready after $patience s; see $dir/events-apiserver.log"
    sleep 0.2 9>&-
  done
}

# end PID asks a program of ours to end and waits until it has. A signal to this
# script ends the wait early, hence the loop.
end() {
  if [[ -z $1 ]]; then return; fi
  kill "$1" 2>/dev/null || true
  while kill -0 "$1" 2>/dev/null; do
    wait "$1" 2>/dev/null || true
  done
}

# stop runs however this script ends. The server goes first: it may still have
# something to write. Who asks twice does not want to wait for that.
stop() {
  trap 'kill -KILL $server_pid $etcd_pid 2>/dev/null || true' HUP INT TERM
  end "$server_pid"
  end "$etcd_pid"
}

# interrupted is the way this script is meant to end, so it is no failure.
interrupted() {
  echo
  echo 'Stopping.'
  exit 0
}

explain() {
  cat <<TEXT
events-apiserver serves events.k8s.io/v1 on https://$address:$port, without a cluster.
In another terminal:
  export KUBECONFIG=$dir/kubeconfig
  export PATH="$tools:\$PATH"   # kubectl
  kubectl get events.events.k8s.io -A
Events are kept in $dir/etcd, logs are in $dir/. Ctrl-C ends it.
TEXT
}

case ${1:-} in
  -h | --help) usage && exit ;;
esac
tools=$(hack/cluster/build.sh --print-dir)
readonly tools
check_program "$binary" 'make build'
check_program "$tools/etcd" 'hack/cluster/build.sh etcd'
check_program "$tools/kubectl" 'hack/cluster/build.sh kubectl'
lock
check_ports

trap stop EXIT
trap interrupted HUP INT TERM
start_etcd
start_server "$@"
wait_ready
explain
# Ends when a program does, which it should not.
wait -n "$etcd_pid" "$server_pid" 2>/dev/null || true
check_both
