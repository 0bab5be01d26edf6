#!/bin/sh
# Runs a command of the server that runs: this clone's, else the one that deploy.sh --host installed, else the container.
# usage: on-server.sh <command> [arguments]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
clone() { PATH="$root/node_modules/.bin:$PATH" exec "$root/bin/tandem.js" "$@"; }
if [ -S ./run/tandem_ctl ] || [ -n "${TANDEM_CTL:-}${TANDEM_SOCKET:-}" ]; then clone "$@"; fi
for argument in "$@"; do
  case $argument in -s | --server* | --socket* | -h | --help) clone "$@" ;; esac
done
[ ! -x /opt/tandem/bin/tandem ] || exec /opt/tandem/bin/tandem "$@"
if command -v docker >/dev/null && [ "$(docker inspect -f '{{.State.Running}}' tandem 2>/dev/null)" = true ]; then
  terminal=
  [ ! -t 0 ] || [ ! -t 1 ] || terminal=-it
  # shellcheck disable=SC2086 # without a terminal it is no word
  exec docker exec $terminal tandem tandem "$@"
fi
clone "$@"
