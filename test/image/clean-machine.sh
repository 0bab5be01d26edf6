#!/bin/sh
# In a chroot with npm and nothing else: deploy.sh --host as root, as a new user would; then the same where systemd runs,
# of which a `systemctl` here does what is asked.
set -eu
cd "$1"
mkdir -p /etc/tandem
echo '{ listen: ["udp:127.0.0.1:25062"], http: { listen: none }, media: { rtpPorts: { min: 21200, max: 21299 } } }' \
  >/etc/tandem/tandem.yaml
fail() { echo "failed: $1" >&2; cat /var/lib/tandem/tandem.log /tmp/unit.log >&2 2>/dev/null; exit 1; }
proven() { echo "ok    $1"; }
called() { tandem call sip:1000@127.0.0.1:25062 --record /tmp/heard.wav --duration 2 >/dev/null && [ -s /tmp/heard.wav ]; }
owner_is_tandem() { [ "$(stat -c %U "/proc/$(cat "$1")")" = tandem ]; }

scripts/deploy.sh --host >/tmp/first || fail 'the first deployment'
called || fail 'a call'
owner_is_tandem /var/lib/tandem/run/keep-running.pid || fail 'its user'
proven 'a clean machine serves a call after deploy.sh --host, as the user tandem'
scripts/deploy.sh --host | grep -q 'nothing to do' || fail 'the second deployment'
proven 'a second run changes nothing'
scripts/deploy.sh --host --stop || fail 'the stop'

mkdir -p /run/systemd/system
cat >/usr/local/bin/systemctl <<'TEXT'
#!/bin/sh
echo "$*" >>/tmp/asked
start() {
  cd /var/lib/tandem
  setsid setpriv --reuid tandem --regid tandem --clear-groups /opt/tandem/bin/tandem-server >>/tmp/unit.log 2>&1 9>&- &
  echo $! >/tmp/unit.pid
}
stop() {
  [ ! -f /tmp/unit.pid ] || kill "$(cat /tmp/unit.pid)" 2>/dev/null || return 0
  while [ -f /tmp/unit.pid ] && kill -0 "$(cat /tmp/unit.pid)" 2>/dev/null; do sleep 0.2; done
}
case $* in
  'restart tandem') stop; start ;;
  'stop tandem') stop ;;
esac
TEXT
chmod +x /usr/local/bin/systemctl
scripts/deploy.sh --host >/tmp/with-systemd || fail 'with systemd'
called || fail 'a call with systemd'
owner_is_tandem /tmp/unit.pid || fail 'the user of the unit'
cmp -s deploy/systemd/tandem.service /etc/systemd/system/tandem.service || fail 'the unit'
proven 'systemd gets the unit, and serves a call'
main=$(cat /tmp/unit.pid)
echo '// another version' >>src/index.ts
: >/tmp/asked
scripts/deploy.sh --host >/tmp/changed || fail 'a changed version'
grep -q 'calls go on' /tmp/changed || fail 'the hand-over'
[ ! -s /tmp/asked ] || fail "systemctl was asked: $(cat /tmp/asked)"
kill -0 "$main" || fail 'the main process'
called || fail 'a call of the changed version'
proven 'a changed version takes over, and the main process of the unit stays'
scripts/deploy.sh --host --stop || fail 'the stop of the unit'
! tandem check >/dev/null 2>&1 || fail 'something still answers'
