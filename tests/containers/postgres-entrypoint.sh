# As the official image does: a new cluster with the password of POSTGRES_PASSWORD_FILE, open to the network.
set -euo pipefail
if [ "$1" = postgres ] && [ ! -e "$PGDATA/PG_VERSION" ]; then
	read -ra more <<<"$POSTGRES_INITDB_ARGS"
	initdb -U postgres --pwfile="$POSTGRES_PASSWORD_FILE" "${more[@]}" >/dev/null
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
if [ "$1" = postgres ]; then set -- "$@" -c 'listen_addresses=*' -c unix_socket_directories=/tmp; fi
exec "$@"
