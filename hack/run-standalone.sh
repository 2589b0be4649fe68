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
# The timeout for the start of the server, in seconds.
readonly start_timeout=60

usage() {
  cat <<HELP
Run events-apiserver without a cluster, until Ctrl-C.
Events in $dir/data are kept for the next run.

Usage:
  hack/run-standalone.sh [FLAG...]
  hack/run-standalone.sh --help

FLAG is a flag of "$binary serve".
Requires bin/events-apiserver: make build ("make run" includes it).

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

# lock allows one run at a time in the directory. The server does not inherit file
# descriptor 9; otherwise a server that outlives this script would keep the lock.
lock() {
  mkdir -p "$dir"
  exec 9>"$dir/.lock"
  flock --nonblock 9 ||
    fail "a server is already running in $dir: use it with export KUBECONFIG=$dir/kubeconfig, or stop it with Ctrl-C in its terminal"
}

check_port() {
  { [[ $port =~ ^[1-9][0-9]{0,4}$ ]] && ((port < 65536)); } || fail "EVENTS_STANDALONE_PORT is \"$port\", must be a port"
  if (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null 9>&-; then
    fail "port $port on $address is in use; stop the process that listens there, or choose another port: EVENTS_STANDALONE_PORT=PORT make run"
  fi
}

server_pid=''

# start runs the server in a separate session, so that Ctrl-C does not reach it. It
# would count this signal and the one from this script as two, and end immediately
# at the second. If this script is killed, the server gets a SIGTERM.
start() {
  # Otherwise wait_ready could find the file of an earlier run.
  rm -f "$dir/kubeconfig"
  setsid setpriv --pdeathsig TERM "$binary" serve --standalone --bind-address="$address" --secure-port="$port" \
    --cert-dir="$dir" --data-dir="$dir/data" "$@" >"$log" 2>&1 9>&- &
  server_pid=$!
}

# check_running fails if the server has ended unexpectedly, and prints the end of
# its log.
check_running() {
  if kill -0 "$server_pid" 2>/dev/null; then return; fi
  say "events-apiserver has ended; the last lines of $log:"
  tail -n 5 "$log" >&2
  exit 1
}

# wait_ready waits for the kubeconfig, which the server writes when its port and
# its store are open. A request may then still wait for some milliseconds.
wait_ready() {
  local end=$((SECONDS + start_timeout))
  until [[ -s $dir/kubeconfig ]]; do
    check_running
    ((SECONDS < end)) || fail "not ready after $start_timeout s; see $log"
    sleep 0.1 9>&-
  done
}

# stop runs at every end of this script, and waits for the server. A signal ends the
# wait early, hence the loop. A second signal kills the server.
stop() {
  trap 'kill -KILL "$server_pid" 2>/dev/null || true' HUP INT TERM
  kill "$server_pid" 2>/dev/null || true
  while kill -0 "$server_pid" 2>/dev/null; do
    wait "$server_pid" 2>/dev/null || true
  done
}

# interrupted is the normal end of this script, not a failure.
interrupted() {
  echo
  echo 'Stopping.'
  exit 0
}

# find_kubectl prints the command that adds a kubectl to the PATH, if there is none.
find_kubectl() {
  local tools
  if command -v kubectl >/dev/null; then return; fi
  tools=$(hack/cluster/build.sh --print-dir)
  if [[ -x $tools/kubectl ]]; then
    echo "  export PATH=\"$tools:\$PATH\"   # kubectl"
  else
    echo "  hack/cluster/build.sh kubectl && export PATH=\"$tools:\$PATH\"   # kubectl is not in the PATH; this builds it in some minutes"
  fi
}

explain() {
  echo "events-apiserver serves events.k8s.io/v1 on https://$address:$port, without a cluster."
  echo 'In another terminal:'
  echo "  export KUBECONFIG=$dir/kubeconfig"
  find_kubectl
  echo '  kubectl get events.events.k8s.io -A'
  echo "Events are stored in $dir/data, the log is $log. Stop it with Ctrl-C."
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
# The server should not end before the script.
wait "$server_pid" 2>/dev/null || true
check_running
