#!/usr/bin/env bash
# Installs what the interop tests talk to (Debian, Ubuntu). Does nothing where all of it is there.
set -euo pipefail

declare -A package=([sipp]=sip-tester [baresip]=baresip [kamailio]='kamailio kamailio-tls-modules' [sngrep]=sngrep [sox]=sox [espeak-ng]=espeak-ng [ffmpeg]=ffmpeg [opusinfo]=opus-tools)
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null 2>&1 || { read -ra names <<<"${package[$program]}"; missing+=("${names[@]}"); }
done
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
