#!/bin/sh
# Live view of the calls of a running server.
exec "$(dirname "$0")/on-server.sh" monitor "$@"
