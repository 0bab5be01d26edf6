#!/bin/sh
# The part of deploy.sh for Docker, which runs it with what the command line said: root, image, drain, action.
set -eu
: "${root:?run deploy.sh}" "${action:=deploy}"
name=tandem
wait_seconds=${DEPLOY_WAIT_SECONDS:-60}
say() { echo "deploy: $*"; }
die() { echo "deploy: $*" >&2; exit 1; }
command -v docker >/dev/null || die 'docker is missing: install it, or deploy without by --host'
docker compose version >/dev/null 2>&1 || die 'docker has no compose: install its plugin (docker-compose-plugin), or use --host'

TANDEM_IMAGE=${image:-${TANDEM_IMAGE:-tandem}}
# Mounted files belong to the container: another settings file or script, another container.
settings=${TANDEM_SETTINGS:-$root/mounts/settings} scripts=${TANDEM_SCRIPTS:-$root/mounts/scripts}
DEPLOYED_SETTINGS=$(cat "$settings/tandem.yaml" "$scripts/ivr.ts" 2>/dev/null | sha256sum | cut -c1-16)
export TANDEM_IMAGE DEPLOYED_SETTINGS
compose() { docker compose --project-directory "$root" -f "$root/compose.yaml" "$@"; }
of() { docker inspect -f "$2" "$1" 2>/dev/null || :; }

running=$(of $name '{{if .State.Running}}{{.Image}}{{end}}')
if [ "$action" = stop ]; then
  [ -n "$running" ] || { say 'nothing runs'; exit 0; }
  compose stop
  say 'stopped'
  exit
fi

if [ -n "${image:-}" ]; then
  docker pull --quiet "$TANDEM_IMAGE" >/dev/null || die "$TANDEM_IMAGE cannot be pulled: what runs goes on"
else
  compose build --quiet || die 'the build failed: what runs goes on'
fi
wanted=$(docker image inspect -f '{{.Id}}' "$TANDEM_IMAGE")
hash=$(compose config --hash tandem | cut -d' ' -f2)

if [ "$running" = "$wanted" ] && [ "$(of $name '{{index .Config.Labels "com.docker.compose.config-hash"}}')" = "$hash" ] &&
  [ -z "${drain:-}" ]; then
  say "$wanted serves already: nothing to do"
else
  if [ -z "$running" ]; then
    say "starting $wanted"
  elif [ -n "${drain:-}" ]; then
    say 'ending the container that runs when its calls have ended, then starting the next'
    docker stop $name >/dev/null
  else
    say 'handing over to the next container: calls go on'
    docker stop --signal SIGQUIT --time 30 $name >/dev/null
  fi
  compose up --detach --no-build --quiet-pull || die "it cannot be started: docker start $name brings the one before back"
fi

seconds=0
until [ "$(of $name '{{.State.Health.Status}}')" = healthy ]; do
  [ $seconds -lt "$wait_seconds" ] || die "not healthy after $wait_seconds s: docker logs $name"
  seconds=$((seconds + 1))
  sleep 1
done
docker exec $name tandem check
