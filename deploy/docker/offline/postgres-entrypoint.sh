#!/bin/sh
# As much of the official image's entrypoint as compose uses: the first start makes the cluster with POSTGRES_USER,
# POSTGRES_PASSWORD_FILE and POSTGRES_INITDB_ARGS; every later one just starts the server.
set -eu

if [ "${1:-postgres}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ -r "${POSTGRES_PASSWORD_FILE:-}" ] || { echo 'POSTGRES_PASSWORD_FILE is missing or cannot be read.' >&2; exit 1; }
  # Made beside its place and renamed: a start that was killed half-way leaves nothing that looks like a cluster.
  draft="$PGDATA.draft"
  rm -rf "$draft"
  # shellcheck disable=SC2086 # several arguments
  initdb --pgdata "$draft" --username "${POSTGRES_USER:-postgres}" --pwfile "$POSTGRES_PASSWORD_FILE" \
    --encoding UTF8 --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  printf "\nhost all all all scram-sha-256\n" >>"$draft/pg_hba.conf"
  printf "\nlisten_addresses = '*'\n" >>"$draft/postgresql.conf"
  [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
  mv "$draft" "$PGDATA"
  sync
fi

exec "$@"
