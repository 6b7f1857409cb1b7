#!/bin/bash
#: args --port=3307
#: user 0
#: file /usr/sbin/mysqld
#: file /usr/bin/gosu
#: file /usr/bin/id
set -eo pipefail
shopt -s nullglob

if [ "${1:0:1}" = '-' ]; then
	set -- mysqld "$@"
fi

help=
for word; do
	case "$word" in
	-'?' | --help | -V | --version)
		help=1
		break
		;;
	esac
done

if [ "$1" = 'mysqld' -a -z "$help" -a "$(id -u)" = '0' ]; then
	exec gosu mysql "${BASH_SOURCE[0]}" "$@"
fi
exec "$@"
#= 24 substitution continues: id -u (/usr/bin/id)
#= 25 exec ends: gosu mysql /entry.sh mysqld --port=3307 (/usr/bin/gosu)
#= end exec gosu
