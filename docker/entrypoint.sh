#!/bin/sh
# What the image runs: the given command; else the mounted script; else the ready-made server. What the image has other
# than the command alone is set here, as far as no variable and no tandem.yaml says otherwise.
set -eu
script="${IVR_SCRIPT:-/app/ivr.ts}"
[ -f "$script" ] || script=/app/scripts/ivr.ts

case "${1:-}" in
  '' | -*) ;;
  *) exec tandem "$@" ;;
esac

if [ -n "${IMAGE_DEFAULTS:-}" ]; then
  # shellcheck source=docker/defaults.sh
  . "$IMAGE_DEFAULTS"
fi
if [ -f "$script" ]; then
  exec tandem serve "$script" "$@"
fi
exec tandem ivr "$@"
