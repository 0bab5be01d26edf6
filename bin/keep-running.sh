#!/bin/sh
# Runs a command, and runs it again when it fails: for machines without systemd. It ends with the command's own good end,
# with a wrong command line or configuration (status 2), and by SIGTERM, which is passed on as other signals are.
# usage: keep-running.sh <pid file> <command> [arguments]
set -u
pid_file=$1
shift
child=
stopping=
pass_on() { [ -z "$child" ] || kill -s "$1" "$child" 2>/dev/null; }
trap 'stopping=1; pass_on TERM' TERM INT
trap 'stopping=1; pass_on QUIT' QUIT
trap 'pass_on HUP' HUP
trap 'pass_on USR2' USR2
echo $$ >"$pid_file"
trap 'rm -f "$pid_file"' EXIT

while :; do
  "$@" &
  child=$!
  # A signal ends `wait`, not the command.
  while :; do
    status=0
    wait "$child" || status=$?
    kill -0 "$child" 2>/dev/null || break
  done
  case $status in 0 | 2) exit "$status" ;; esac
  [ -z "$stopping" ] || exit "$status"
  echo "keep-running: ended with status $status, starting it again" >&2
  sleep 1
  [ -z "$stopping" ] || exit 0
done
