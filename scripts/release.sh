#!/bin/sh
# Makes a release in a new folder: what is published of the package, compiled, with the packages that it needs to run and
# those of the databases, in the versions of package-lock.json; the addons where there is a compiler. Works in the folder
# it lies in, which is a copy made for this: dist/ is left there.
# usage: release.sh [--with-node] <folder>     --with-node: with the Node.js that package.json pins, as bin/node
set -eu
cd "$(dirname "$0")/.."
with_node=
if [ "${1:-}" = --with-node ]; then
  with_node=1
  shift
fi
release=${1:?usage: release.sh [--with-node] <folder>}
[ ! -e "$release" ] || { echo "release: $release is there already" >&2; exit 1; }

lock=$(cat package.json package-lock.json | sha256sum)
if [ "$(cat node_modules/.made-from 2>/dev/null)" != "$lock" ]; then
  npm ci --no-audit --no-fund --loglevel=error
  echo "$lock" >node_modules/.made-from
fi
PATH=$PWD/node_modules/.bin:$PATH
export PATH
npm run --silent build
npm run --silent --if-present build:pages

mkdir -p "$release"
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT
npm pack --silent --ignore-scripts --pack-destination "$packed" >/dev/null
tar -xzf "$packed"/*.tgz -C "$release" --strip-components=1 --no-same-owner
cp package-lock.json .npmrc "$release"
for addon in native/*.node; do
  [ ! -f "$addon" ] || cp "$addon" "$release/native"
done
[ -z "$with_node" ] || cp -L node_modules/node/bin/node "$release/bin/node"

# Who needs no database of its own installs none of them; a release serves everybody.
(
  cd "$release"
  # shellcheck disable=SC2016 # it is JavaScript
  node --input-type=module -e '
    import { readFileSync, writeFileSync } from "node:fs";
    const own = JSON.parse(readFileSync("package.json", "utf8"));
    for (const name of Object.keys(own.peerDependencies)) own.dependencies[name] = own.devDependencies[name];
    for (const key of ["devDependencies", "peerDependencies", "peerDependenciesMeta", "scripts"]) delete own[key];
    writeFileSync("package.json", `${JSON.stringify(own, null, 2)}\n`);'
  npm install --omit=dev --omit=peer --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
  npm sbom --sbom-format cyclonedx --package-lock-only --omit dev >sbom.cdx.json || rm -f sbom.cdx.json
  rm -f .npmrc
)
