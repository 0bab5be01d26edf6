#!/bin/sh
# What is wrong with a running server, point by point, and what to do.
root=$(dirname "$0")/..
PATH="$root/node_modules/.bin:$PATH" exec "$root/bin/tandem.js" check "$@"
