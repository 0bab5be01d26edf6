#!/bin/sh
# What is wrong with a running server, point by point, and what to do.
exec "$(dirname "$0")/on-server.sh" check "$@"
