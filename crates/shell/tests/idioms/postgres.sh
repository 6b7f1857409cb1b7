#!/usr/bin/env bash
#: args postgres
#: user 0
#: env PGDATA=/data
set -Eeo pipefail

fill() {
	local name="$1" file="${1}_FILE" default="${2:-}"
	if [ "${!name:-}" ] && [ "${!file:-}" ]; then
		printf >&2 'both %s and %s are set\n' "$name" "$file"
		exit 1
	fi
	export "$name"="${default}"
	unset "$file"
}

own_directories() {
	local user; user="$(id -u)"
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	if [ "$user" = '0' ]; then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
	fi
}

main() {
	if [ "${1:0:1}" = '-' ]; then
		set -- postgres "$@"
	fi
	if [ "$1" = 'postgres' ]; then
		own_directories
		if [ "$(id -u)" = '0' ]; then
			exec gosu postgres "$BASH_SOURCE" "$@"
		fi
		fill POSTGRES_USER postgres
		initdb --username="$POSTGRES_USER"
	fi
	exec "$@"
}

main "$@"
#= 18 substitution ends: id -u
#= 19 foreground ends: mkdir -p /data
#= 20 condition decides: chmod 00700 /data
#= 22 foreground ends: find /data ! -user postgres -exec chown postgres {} +
#= 32 substitution continues: id -u
#= 33 exec ends: gosu postgres /entry.sh postgres
#= end exec gosu
