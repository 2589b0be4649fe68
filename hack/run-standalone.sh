#!/usr/bin/env bash
# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs events-apiserver without a cluster, until Ctrl-C.
set -o errexit -o nounset -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly binary=bin/events-apiserver
readonly dir=_output/standalone
readonly address=127.0.0.1
readonly port=${EVENTS_STANDALONE_PORT:-16445}
readonly log=$dir/events-apiserver.log
# How long to wait for the server, in seconds.
readonly patience=60

usage() {
  cat <<HELP
Run events-apiserver without a cluster, until Ctrl-C.
Events are kept in $dir/data from one run to the next.

Usage:
  hack/run-standalone.sh [FLAG...]
  hack/run-standalone.sh --help

FLAG is a flag of "$binary serve".
Needed first: make build ("make run" does it).

Examples:
  hack/run-standalone.sh
  hack/run-standalone.sh --event-ttl=1h --v=2
  EVENTS_STANDALONE_PORT=26445 hack/run-standalone.sh

Environment:
  EVENTS_STANDALONE_PORT  port of events-apiserver (default 16445)
HELP
}

say() { printf 'run-standalone.sh: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

check_program() {
  [[ -x $binary ]] || fail "$binary is missing; build it: make build"
}

# lock lets one run at a time work in the directory. File descriptor 9 is not
# handed to the server, or one that outlives this script would keep the lock.
lock() {
  mkdir -p "$dir"
  exec 9>"$dir/.lock"
  flock --nonblock 9 ||
    fail "it already runs in $dir: use it with export KUBECONFIG=$dir/kubeconfig, or end it with Ctrl-C where it was started"
}

check_port() {
  { [[ $port =~ ^[1-9][0-9]{0,4}$ ]] && ((port < 65536)); } || fail "EVENTS_STANDALONE_PORT is \"$port\", want a port"
  if (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null 9>&-; then
    fail "port $port on $address is taken; end what listens there, or choose another: EVENTS_STANDALONE_PORT=PORT make run"
  fi
}

server_pid=''

# start runs the server out of reach of the terminal's Ctrl-C: it would take that
# and the word of this script for two requests to end, and the second for one to
# do so at once. Should this script be killed outright, the server is told to end.
start() {
  # Else the wait below could be content with what an earlier run wrote.
  rm -f "$dir/kubeconfig"
  setsid setpriv --pdeathsig TERM "$binary" serve --standalone --bind-address="$address" --secure-port="$port" \
    --cert-dir="$dir" --data-dir="$dir/data" "$@" >"$log" 2>&1 9>&- &
  server_pid=$!
}

# check_running ends the script if the server has ended by itself. Then it left
# the reason in its log.
check_running() {
  if kill -0 "$server_pid" 2>/dev/null; then return; fi
  say "events-apiserver has ended; the last lines of $log:"
  tail -n 5 "$log" >&2
  exit 1
}

# wait_ready waits for the kubeconfig, which the server writes when its port and
# its store are open. A request may have to wait for some milliseconds then.
wait_ready() {
  local end=$((SECONDS + patience))
  until [[ -s $dir/kubeconfig ]]; do
    check_running
    ((SECONDS < end)) || fail "not ready after $patience s; see $log"
    sleep 0.1 9>&-
  done
}

# stop runs however this script ends, and waits for the server. A signal ends
# such a wait early, hence the loop. Who asks twice does not want to wait.
stop() {
  trap 'kill -KILL "$server_pid" 2>/dev/null || true' HUP INT TERM
  kill "$server_pid" 2>/dev/null || true
  while kill -0 "$server_pid" 2>/dev/null; do
    wait "$server_pid" 2>/dev/null || true
  done
}

# interrupted is the way this script is meant to end, so it is no failure.
interrupted() {
  echo
  echo 'Stopping.'
  exit 0
}

# find_kubectl prints what puts a kubectl into the PATH, if none is there.
find_kubectl() {
  local tools
  if command -v kubectl >/dev/null; then return; fi
  tools=$(hack/cluster/build.sh --print-dir)
  if [[ -x $tools/kubectl ]]; then
    echo "  export PATH=\"$tools:\$PATH\"   # kubectl"
  else
    echo "  hack/cluster/build.sh kubectl && export PATH=\"$tools:\$PATH\"   # no kubectl is here; builds one in some minutes"
  fi
}

explain() {
  echo "events-apiserver serves events.k8s.io/v1 on https://$address:$port, without a cluster."
  echo 'In another terminal:'
  echo "  export KUBECONFIG=$dir/kubeconfig"
  find_kubectl
  echo '  kubectl get events.events.k8s.io -A'
  echo "Events are kept in $dir/data, the log is $log. Ctrl-C ends it."
}

case ${1:-} in
  -h | --help) usage && exit ;;
esac
check_program
lock
check_port

trap stop EXIT
trap interrupted HUP INT TERM
start "$@"
wait_ready
explain
# Ends when the server does, which it should not.
wait "$server_pid" 2>/dev/null || true
check_running
