#!/bin/sh
# Make the database cluster at the first start, then run the server: see postgres.Dockerfile.
set -eu

case "${1:-}" in
  -*) set -- postgres "$@" ;;
  postgres) ;;
  *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --clear-groups sh "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD: a server without one is open to everybody}"
  secret=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" > "$secret"
  initdb --username "$user" --pwfile "$secret" --auth-local trust --auth-host scram-sha-256
  rm -f "$secret"
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  if [ "${POSTGRES_DB:-$user}" != postgres ]; then
    # Nobody but us reaches the server while it is being made.
    pg_ctl -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
    createdb --host /tmp --username "$user" "${POSTGRES_DB:-$user}"
    pg_ctl -w -m fast stop
  fi
fi
exec "$@"
