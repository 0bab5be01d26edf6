#!/bin/sh
# Live view of the calls of a running server.
root=$(dirname "$0")/..
PATH="$root/node_modules/.bin:$PATH" exec "$root/bin/tandem.js" monitor "$@"
