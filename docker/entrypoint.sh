#!/bin/sh
# What the image runs: the given command; else the mounted script; else the ready-made server.
set -eu
script="${IVR_SCRIPT:-/app/ivr.ts}"

case "${1:-}" in
  '' | -*)
    if [ -f "$script" ]; then
      exec tandem serve "$script" "$@"
    fi
    exec tandem ivr "$@"
    ;;
  *) exec tandem "$@" ;;
esac
