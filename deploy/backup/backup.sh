#!/bin/sh
# Backs up a Mayfly: the database, its roles' names, the tiles of the log, the last checkpoint. docs/how-to/restore.md tells how to use it.
#
#   ADMIN_DATABASE_URL   superuser or owner, with the database's name: postgres://postgres:…@host:5432/mayfly
#   MAYFLY_LOG_TILES     folder of the tiles, if they are in a folder; an object store has versions of its own
#   MAYFLY_LOG_STATE     folder of the sealer's last checkpoint
#   PG_BIN               folder of pg_dump, pg_restore and psql; they must be as new as the server
#
# The erasure ledger is NOT in it, and must not be: it lives beside all backups and is newer than each of them. Nor is the key-encryption
# key: who steals a backup has no key.
set -eu

say() { printf 'backup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ $# -eq 1 ] || fail "usage: backup.sh FOLDER    (a new one; what is in it is whole once it has its name)"
target=$1
[ -n "${ADMIN_DATABASE_URL:-}" ] || fail 'ADMIN_DATABASE_URL is not set.'
[ ! -e "$target" ] || fail "$target exists. Name a new folder."
PATH=${PG_BIN:+$PG_BIN:}$PATH
for tool in pg_dump pg_restore psql sha256sum; do
  command -v "$tool" >/dev/null || fail "$tool is missing. Set PG_BIN to the folder of PostgreSQL's programs."
done

umask 077
draft=$target.part.$$
mkdir -p "$draft"
trap 'rm -rf "$draft"' EXIT INT TERM

query() { psql "$ADMIN_DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --command "$1"; }

# Before the dump: whatever the dump lacks is then behind this size, never before it.
head=$(query 'select shard || $$ $$ || size from log.head')
say "the log ${head% *} has ${head#* } entries"

# One snapshot of the whole database. Owners and rights are part of it: they are what keeps the log append-only.
pg_dump "$ADMIN_DATABASE_URL" --format=custom --compress=6 --file="$draft/database.dump"
pg_restore --list "$draft/database.dump" >"$draft/contents.txt" || fail 'the dump cannot be read back.'
grep -q 'TABLE DATA log entry ' "$draft/contents.txt" || fail 'the dump has no log in it.'

# The tiles after the dump: so they cover at least what it holds. A tile never changes once it is written.
if [ -n "${MAYFLY_LOG_TILES:-}" ]; then
  case $MAYFLY_LOG_TILES in
    s3:*) say 'tiles are in an object store: they are not copied' ;;
    *) [ ! -d "$MAYFLY_LOG_TILES" ] || cp -R "$MAYFLY_LOG_TILES" "$draft/tiles" ;;
  esac
fi
[ -z "${MAYFLY_LOG_STATE:-}" ] || [ ! -d "$MAYFLY_LOG_STATE" ] || cp -R "$MAYFLY_LOG_STATE" "$draft/log-state"

cat >"$draft/about.txt" <<END
format mayfly-backup/1
made $(date -u +%Y-%m-%dT%H:%M:%SZ)
shard ${head% *}
size ${head#* }
server $(query 'show server_version')
END
(cd "$draft" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | while read -r file; do sha256sum "$file"; done >SHA256SUMS)
sync
mv "$draft" "$target"
trap - EXIT INT TERM
say "done: $target ($(du -sh "$target" | cut -f1))"
