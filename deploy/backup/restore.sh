#!/bin/sh
# Restores a backup of backup.sh into an empty database, then begins the way back: a new log, new keys, everything that may have been
# revoked since waits. Broker and worker must not run. docs/how-to/restore.md tells the whole way.
#
#   ADMIN_DATABASE_URL   superuser, with the name of the database to make: postgres://postgres:…@host:5432/mayfly
#   PG_BIN               folder of pg_restore and psql; they must be as new as the server
#   and what `node deploy/restore.ts --help` says: DATABASE_URL, MAYFLY_PUBLIC_URL, MAYFLY_KEK, MAYFLY_LOG_STATE, …
#   APP_PASSWORD, QUEUE_PASSWORD, MIGRATE_PASSWORD
#                        of the login roles, where the server does not have them yet
#
# The sealer's folder (MAYFLY_LOG_STATE) and the tiles are left as they are when they are there: they are newer than the backup, and say
# what was lost. Only where they are gone they come from the backup.
set -eu

say() { printf 'restore: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ $# -eq 1 ] || fail 'usage: restore.sh FOLDER'
source=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
[ -n "${ADMIN_DATABASE_URL:-}" ] || fail 'ADMIN_DATABASE_URL is not set.'
[ -f "$source/SHA256SUMS" ] || fail "$source is no backup: it has no SHA256SUMS."
PATH=${PG_BIN:+$PG_BIN:}$PATH
for tool in pg_restore psql sha256sum; do
  command -v "$tool" >/dev/null || fail "$tool is missing. Set PG_BIN to the folder of PostgreSQL's programs."
done

(cd "$source" && sha256sum --check --quiet SHA256SUMS) || fail 'the backup is not as it was written. Nothing was done.'
grep -q '^format mayfly-backup/1$' "$source/about.txt" || fail 'the backup is of a format that this script does not know.'

# Of postgres://…/name?settings
address=${ADMIN_DATABASE_URL%%\?*}
settings=${ADMIN_DATABASE_URL#"$address"}
database=${address##*/}
server=${address%/*}/postgres$settings
query() { psql "$1" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --set "name=$database" --file=-; }

[ "$(echo "select count(*) from pg_database where datname = :'name'" | query "$server")" = 0 ] ||
  fail "there is a database $database already. Rename it first, so that nothing of it is lost: alter database … rename to …"

# Roles belong to the server, not to the dump. Those that log in get the passwords that their processes know.
for role in mayfly_owner mayfly_log mayfly_across; do
  echo "do \$\$ begin create role $role nologin nosuperuser nocreatedb nocreaterole noinherit; exception when duplicate_object then null; end \$\$" | query "$server"
done
for role in app queue migrate; do
  echo "do \$\$ begin create role mayfly_$role login nosuperuser nocreatedb nocreaterole noinherit; exception when duplicate_object then null; end \$\$" | query "$server"
  name=$(printf '%s_PASSWORD' "$role" | tr '[:lower:]' '[:upper:]')
  eval "password=\${$name:-}"
  [ -z "$password" ] || printf '%s\n' '\set password `printenv SECRET`' "alter role mayfly_$role password :'password';" | SECRET=$password query "$server"
done
echo 'grant mayfly_owner, mayfly_log, mayfly_across to mayfly_migrate' | query "$server"

# Nobody may log in before the way back has begun: a broker that starts by itself would serve what was revoked.
printf '%s\n' "create database :\"name\" encoding 'UTF8' template template0 connection limit 0;" "revoke all on database :\"name\" from public;" | query "$server"
say "restoring $(grep '^made ' "$source/about.txt" | cut -d' ' -f2), $(grep '^size ' "$source/about.txt" | cut -d' ' -f2) entries"
pg_restore --dbname="$ADMIN_DATABASE_URL" --exit-on-error --single-transaction "$source/database.dump"

# What the dump says of itself must be what is there now.
want=$(grep '^size ' "$source/about.txt" | cut -d' ' -f2)
have=$(echo 'select case when (select count(*) from log.entry) = size and (select coalesce(max(position) + 1, 0) from log.entry) = size then size else -1 end from log.head' | query "$ADMIN_DATABASE_URL")
[ "$have" -ge "$want" ] || fail "the restored log is not whole ($have of $want entries). The database is left closed."

[ -z "${MAYFLY_LOG_STATE:-}" ] || [ -d "$MAYFLY_LOG_STATE" ] || [ ! -d "$source/log-state" ] || cp -R "$source/log-state" "$MAYFLY_LOG_STATE"
case ${MAYFLY_LOG_TILES:-} in
  '' | s3:*) ;;
  *) [ -d "$MAYFLY_LOG_TILES" ] || [ ! -d "$source/tiles" ] || cp -R "$source/tiles" "$MAYFLY_LOG_TILES" ;;
esac

printf '%s\n' "alter database :\"name\" connection limit -1;" "grant connect on database :\"name\" to mayfly_app, mayfly_queue, mayfly_migrate;" | query "$server"
"${NODE:-node}" "$here/deploy/restore.ts" begin --again
say 'done. Start the worker and the broker; then: mayfly restore status'
