#!/usr/bin/env bash
# Installs what the interop tests talk to (Debian, Ubuntu). Does nothing where all of it is there.
set -euo pipefail

declare -A package=([sipp]=sip-tester [baresip]=baresip [kamailio]='kamailio kamailio-tls-modules kamailio-sqlite-modules kamailio-postgres-modules kamailio-mysql-modules' [sngrep]=sngrep [sox]=sox [espeak-ng]=espeak-ng [ffmpeg]=ffmpeg [opusinfo]=opus-tools [chromium]=chromium [pg_ctlcluster]=postgresql [mariadb-install-db]=mariadb-server)
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null 2>&1 || { read -ra names <<<"${package[$program]}"; missing+=("${names[@]}"); }
done
# An older installation has it without its database.
compgen -G '/usr/lib/*/kamailio/modules/db_sqlite.so' >/dev/null || missing+=(kamailio-sqlite-modules)
if ((${#missing[@]} == 0)); then
  echo 'test peers: all there'
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "test peers: no apt-get here; please install ${missing[*]} by hand" >&2
  exit 1
fi
if ((EUID != 0)); then
  echo "test peers: run this as root to install ${missing[*]}" >&2
  exit 1
fi
echo "test peers: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
