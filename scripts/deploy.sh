#!/bin/sh
# Deploys what is in this clone: builds it, lets it take the place of what runs, waits until it is healthy. See usage below.
set -eu

usage() {
  cat <<'TEXT'
usage: scripts/deploy.sh [options]
Builds the image, starts the container, or lets it take the place of the one that runs: calls go on. Waits until it is
healthy, and checks it. Run again it changes nothing.

  --pull            git pull first
  --image <name>    take this image from its registry; build none
  --drain           let running calls end (drainTimeout) where they would be handed over
  --stop            end the server; calls may end
  --host            without Docker: installs a release into a folder, served by systemd where it runs
    --prefix <dir>  the folder, default /opt/tandem; with another one settings are in <dir>/etc, data in <dir>/state
    --user <name>   who runs it, default tandem (made if need be); with another prefix whoever deploys
    --rollback      go back to the release before

Settings: /etc/tandem/tandem.yaml, variables in /etc/tandem/tandem.env; /etc/tandem/ivr.ts, if it is there, takes the calls.
For Docker: tandem.yaml is /app/tandem.yaml in the container, variables are in .env (see compose.yaml).
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
default_prefix=/opt/tandem
prefix=$default_prefix
image='' user='' pull='' drain='' action=deploy host=''
wait_seconds=30

say() { echo "deploy: $*"; }
die() { echo "deploy: $*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --host) host=1 ;;
    --pull) pull=1 ;;
    --drain) drain=1 ;;
    --rollback) action=rollback ;;
    --stop) action=stop ;;
    --image | --prefix | --user)
      [ $# -gt 1 ] || die "$1 needs a value (--help)"
      case $1 in --image) image=$2 ;; --prefix) prefix=$2 ;; --user) user=$2 ;; esac
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "deploy: unknown option $1 (--help)" >&2; exit 2 ;;
  esac
  shift
done
[ -z "$pull" ] || git -C "$root" pull --ff-only --quiet || die 'git pull failed'

# --- with Docker -------------------------------------------------------------------------------------------------------

if [ -z "$host" ]; then
  [ "$action" != rollback ] || die '--rollback is for --host: here deploy the image before, by --image'
  export root image drain action
  exec "$root/scripts/deploy-container.sh"
fi

# --- without -----------------------------------------------------------------------------------------------------------

case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
if [ "$prefix" = "$default_prefix" ]; then
  etc=/etc/tandem state=/var/lib/tandem
  [ "$(id -u)" = 0 ] || die "$prefix is for root: use sudo, or choose a folder of yours with --prefix"
  : "${user:=tandem}"
else
  etc=$prefix/etc state=$prefix/state
  : "${user:=$(id -un)}"
fi
[ "$user" = "$(id -un)" ] || [ "$(id -u)" = 0 ] || die "only root can run it as $user"
pid_file=$state/run/keep-running.pid
systemd=
[ "$prefix" != "$default_prefix" ] || [ ! -d /run/systemd/system ] || systemd=1

# What a release is made of; documents and tests make no other one.
fingerprint() {
  (
    cd "$root"
    find bin src media native prompts docker vite.config.ts scripts/release.sh scripts/build.ts package.json package-lock.json \
      tsconfig.json tsconfig.build.json deploy/systemd -type f ! -name '*.node' -print0 |
      LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12
  )
}

load_variables() {
  [ -f "$etc/tandem.env" ] || return 0
  set -a
  # shellcheck source=/dev/null
  . "$etc/tandem.env"
  set +a
}
tandem() { (load_variables && cd "$state" && exec "$prefix/bin/tandem" "$@"); }
setting() {
  tandem config --json |
    "$prefix/current/bin/node" -p "JSON.parse(require('fs').readFileSync(0, 'utf8'))['$1'].value"
}

# The process that serves, and its release: that of the Node.js that it runs.
serving_pid() {
  tandem check --json 2>/dev/null |
    "$prefix/current/bin/node" -p "JSON.parse(require('fs').readFileSync(0, 'utf8')).process.pid" 2>/dev/null || :
}
release_of() { basename "$(dirname "$(dirname "$(readlink "/proc/$1/exe")")")"; }
serving() {
  pid=$(serving_pid)
  [ -z "$pid" ] || release_of "$pid"
}

make_folders() {
  mkdir -p "$prefix/bin" 2>/dev/null || die "cannot write to $prefix: choose another --prefix"
  if ! id "$user" >/dev/null 2>&1; then
    useradd --system --no-create-home --home-dir "$state" --shell /usr/sbin/nologin "$user"
    say "made the user $user"
  fi
  mkdir -p "$etc" "$state/run" "$state/data" "$state/recordings"
  if [ "$(id -u)" = 0 ]; then
    chown "$user:" "$state" "$state/run" "$state/data" "$state/recordings"
    chmod 750 "$state"
  fi
  if [ ! -e "$etc/tandem.yaml" ]; then
    echo '# Settings of the server; docs/configuration.md has all of them. After a change run deploy.sh again.' >"$etc/tandem.yaml"
    [ "$(id -u)" != 0 ] || { chgrp "$(id -gn "$user")" "$etc/tandem.yaml" && chmod 640 "$etc/tandem.yaml"; }
  fi
}

# Commands at a place that stays: those of the release that is current.
write_commands() {
  link=$prefix/current/bin
  replace "$prefix/bin/tandem" <<TEXT
#!/bin/sh
# The command of the release that is current, asking the server deployed here.
export TANDEM_CONFIG="\${TANDEM_CONFIG:-$etc/tandem.yaml}"
export TANDEM_CTL="\${TANDEM_CTL:-unixs:$state/run/tandem_ctl}"
export TANDEM_SOCKET="\${TANDEM_SOCKET:-$state/run/tandem.sock}"
exec $link/node $link/tandem.js "\$@"
TEXT
  replace "$prefix/bin/kamcmd" <<TEXT
#!/bin/sh
exec $link/node $link/kamcmd.js -s unixs:$state/run/tandem_ctl "\$@"
TEXT
  replace "$prefix/bin/tandem-server" <<TEXT
#!/bin/sh
# What is served: a script of yours, or the ready-made server.
cd $state && PATH=$prefix/bin:\$PATH IVR_SCRIPT=$etc/ivr.ts exec $link/entrypoint.sh "\$@"
TEXT
  if [ "$prefix" = "$default_prefix" ] && [ ! -e /usr/local/bin/tandem ]; then
    mkdir -p /usr/local/bin
    ln -s "$prefix/bin/tandem" /usr/local/bin/tandem
  fi
}

# Writes standard input to an executable file, at once.
replace() {
  cat >"$1.new"
  chmod 755 "$1.new"
  mv "$1.new" "$1"
}

build() { # <release>
  command -v npm >/dev/null || die 'npm is missing: install Node.js of any version with npm (apt-get install npm)'
  say "building $1"
  copy=$prefix/.build
  mkdir -p "$copy"
  find "$copy" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
  tar -C "$root" --exclude=./.git --exclude=./node_modules --exclude=./dist --exclude=./data --exclude=./run \
    --exclude='./native/*.node' -cf - . | tar -C "$copy" --no-same-owner -xf -
  rm -rf "$prefix/.new"
  "$copy/scripts/release.sh" --with-node "$prefix/.new" || die 'the build failed: what runs goes on'
  cp "$root/docker/entrypoint.sh" "$prefix/.new/bin/entrypoint.sh"
  chmod -R go=u-w "$prefix/.new"
  mv "$prefix/.new" "$prefix/$1"
}

point() { # <link> <release>
  ln -sfn "$2" "$prefix/.link"
  mv -T "$prefix/.link" "$prefix/$1"
}

# With what it was started: the settings, which a restart takes up, and what only a new start does.
settings_sum() { cat "$etc/tandem.yaml" "$etc/ivr.ts" 2>/dev/null | sha256sum; }
start_sum() { { cat "$etc/tandem.env" 2>/dev/null; [ ! -f "$etc/ivr.ts" ] || echo script; cat /etc/systemd/system/tandem.service 2>/dev/null; } | sha256sum; }
remember() { { settings_sum; start_sum; } >"$prefix/.started-with"; }
remembered() { sed -n "$1p" "$prefix/.started-with" 2>/dev/null; }

start() {
  if [ -n "$systemd" ]; then
    systemctl enable --quiet tandem
    systemctl restart tandem || die 'systemd could not start it: journalctl -u tandem'
    return
  fi
  # The lock is not for those who outlive this script.
  (
    exec 9>&-
    cd "$state"
    # shellcheck disable=SC3045 # where a shell has it not, the limit stays what it is
    ulimit -n 65536 2>/dev/null || :
    load_variables
    # shellcheck disable=SC2016 # the inner shell opens the log, as its user
    set -- sh -c 'exec setsid nohup "$0" "$1" "$2" >>"$3" 2>&1' \
      "$prefix/current/bin/keep-running.sh" "$pid_file" "$prefix/bin/tandem-server" "$state/tandem.log"
    [ "$user" = "$(id -un)" ] || set -- setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"
    exec "$@" </dev/null >/dev/null 2>&1
  ) &
}

# The process that runs the server where there is no systemd.
keeper() {
  pid=$(cat "$pid_file" 2>/dev/null) || return 0
  ! grep -q keep-running "/proc/$pid/cmdline" 2>/dev/null || echo "$pid"
}

# SIGTERM drains. Waits as long as that may take.
stop() {
  if [ -n "$systemd" ]; then
    systemctl stop tandem
    return
  fi
  keeper=$(keeper)
  [ -n "$keeper" ] || return 0
  kill -s TERM "$keeper"
  limit=$(($(setting drainTimeout) / 1000 + wait_seconds))
  while kill -0 "$keeper" 2>/dev/null; do
    [ "$limit" -gt 0 ] || die "process $keeper does not end"
    limit=$((limit - 1))
    sleep 1
  done
}

# Healthy is: it answers, takes calls, and is of that release.
wait_for() { # <release>
  looks=0
  until [ "$(serving)" = "$1" ]; do
    looks=$((looks + 1))
    [ "$looks" -lt $((wait_seconds * 5)) ] || return 1
    # What ends with a wrong configuration is not started again.
    [ -n "$systemd" ] || [ "$looks" -lt 10 ] || [ -n "$(keeper)" ] || return 1
    sleep 0.2
  done
}

# The next process takes the calls of the one that runs.
hand_over() { tandem restart >/dev/null; }

# Lets a release serve. $before serves now, if anything does.
serve() { # <release>
  if [ -z "$before" ]; then
    say "starting $1"
    stop
    start
  elif [ -n "$drain" ] || [ "$(remembered 2)" != "$(start_sum)" ] || [ "$(setting recovery.path)" = none ]; then
    say "ending $before when its calls have ended, then starting $1"
    stop
    start
  else
    say "handing over from $before to $1: calls go on"
    hand_over || return 1
  fi
  wait_for "$1"
}

log_hint() { if [ -n "$systemd" ]; then echo 'journalctl -u tandem'; else echo "$state/tandem.log"; fi; }

deploy() { # <release>
  old=$(readlink "$prefix/current" || :)
  if [ "$old" != "$1" ]; then
    point current "$1"
    [ -z "$old" ] || point previous "$old"
  fi
  write_commands
  before=$(serving)
  if ! tandem config >/dev/null; then
    [ -z "$old" ] || point current "$old"
    die 'the settings are wrong: what runs goes on as it is'
  fi
  [ -z "$systemd" ] || install_unit
  if [ "$before" = "$1" ] && [ "$(remembered 1)" = "$(settings_sum)" ] && [ "$(remembered 2)" = "$(start_sum)" ] &&
    [ -z "$drain" ]; then
    say "$1 serves already: nothing to do"
    return
  fi
  if ! serve "$1"; then
    if [ -n "$old" ] && [ "$old" != "$1" ]; then
      point current "$old"
      before=$(serving)
      [ "$before" = "$old" ] || serve "$old" || die "neither $1 nor $old comes up: see $(log_hint)"
      die "$1 does not come up, $old goes on: see $(log_hint)"
    fi
    [ -n "$before" ] || stop
    die "$1 does not come up: see $(log_hint)"
  fi
  remember
  say "$1 serves"
}

install_unit() {
  unit=/etc/systemd/system/tandem.service
  ! cmp -s "$root/deploy/systemd/tandem.service" "$unit" || return 0
  cp "$root/deploy/systemd/tandem.service" "$unit"
  systemctl daemon-reload
  say "installed $unit"
}

# The current release, the one before and the one that serves stay.
prune() {
  kept=" $(readlink "$prefix/current") $(readlink "$prefix/previous" || :) $(serving) "
  for one in "$prefix"/[0-9]*-*; do
    case $kept in *" $(basename "$one") "*) ;; *) rm -rf "$one" ;; esac
  done
}

make_folders
if command -v flock >/dev/null; then
  exec 9>"$prefix/.lock"
  flock -n 9 || die 'another deployment is at work'
fi
case $action in
  stop)
    [ -n "$(serving)" ] || { say 'nothing runs'; exit 0; }
    stop
    say 'stopped'
    exit 0
    ;;
  rollback)
    release=$(readlink "$prefix/previous") || die 'there is no release before this one'
    ;;
  deploy)
    release=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")-$(fingerprint)
    [ -d "$prefix/$release" ] || build "$release"
    ;;
esac
deploy "$release"
prune
tandem check
