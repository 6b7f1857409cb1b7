#!/bin/sh
#: args worker
#: file /sbin/tini
if [ "$1" = worker ]; then
	shift
	set -- /usr/local/bin/app work "$@"
fi
if command -v tini >/dev/null 2>&1; then
	exec tini -- "$@"
fi
exec "$@"
#= 9 exec ends: tini -- /usr/local/bin/app work (/sbin/tini)
#= end exec tini
