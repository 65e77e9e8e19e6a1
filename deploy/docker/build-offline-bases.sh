#!/bin/sh
# Makes the three base images that compose needs (Node, PostgreSQL, Redis) from Debian packages, for networks that reach a
# Debian mirror but no image registry. Use them with:
#
#   sudo deploy/docker/build-offline-bases.sh
#   docker compose --env-file deploy/docker/offline.env up
#
# Needs root, docker and debootstrap.
#   DEBIAN_MIRROR   a mirror of your own; left out: debootstrap's default
#   NODE_BINARY     a Linux program of Node 24 or newer; left out: the one that `npm start` brought, else `node`
#   NPM_FOLDER      npm's own folder; left out: that of the npm in PATH
set -eu

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
suite=trixie

fail() {
  echo "$1" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'debootstrap needs root. Run this with sudo.'
for program in docker debootstrap npm; do
  command -v "$program" >/dev/null || fail "$program is missing. Install it, then run this again."
done

brought=$(ls -d "$project"/.mayfly/runtime/*/bin/node 2>/dev/null | tail -1 || true)
node_binary=${NODE_BINARY:-${brought:-$(command -v node)}}
"$node_binary" -e 'process.exit(parseInt(process.versions.node) >= 24 ? 0 : 1)' ||
  fail "$node_binary is older than Node 24. Name a newer one in NODE_BINARY."
npm_folder=${NPM_FOLDER:-$(npm root -g 2>/dev/null)/npm}
[ -f "$npm_folder/bin/npm-cli.js" ] || fail "There is no npm in $npm_folder. Name its folder in NPM_FOLDER."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if docker image inspect "mayfly-base/debian:$suite" >/dev/null 2>&1; then
  echo "1/4 mayfly-base/debian:$suite is there"
else
  echo "1/4 Debian $suite, about a minute"
  debootstrap --variant=minbase "$suite" "$work/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail 'debootstrap failed; its messages are above.'; }
  rm -rf "$work/root/var/cache/apt/archives"/*.deb "$work/root/var/lib/apt/lists"/*
  tar -C "$work/root" -c . | docker import - "mayfly-base/debian:$suite" >/dev/null
fi

echo "2/4 Node $("$node_binary" --version)"
mkdir -p "$work/node/npm"
cp "$node_binary" "$work/node/node"
cp -R "$npm_folder/." "$work/node/npm/"
# Here and not in the image, where it would store the program a second time.
chmod 755 "$work/node/node" "$work/node/npm/bin"/*-cli.js
docker build --quiet --file "$here/offline/node.Dockerfile" --tag mayfly-base/node:26 "$work/node" >/dev/null

echo '3/4 PostgreSQL'
docker build --quiet --file "$here/offline/postgres.Dockerfile" --tag mayfly-base/postgres:17 "$here/offline" >/dev/null
echo '4/4 Redis'
docker build --quiet --file "$here/offline/redis.Dockerfile" --tag mayfly-base/redis:8 "$here/offline" >/dev/null

docker images --filter reference='mayfly-base/*' --format '    {{.Repository}}:{{.Tag}}  {{.Size}}'
