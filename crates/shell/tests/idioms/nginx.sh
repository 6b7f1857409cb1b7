#!/bin/sh
#: args nginx -g 'daemon off;'
#: file /usr/bin/find
#: file /usr/sbin/nginx
#: directory /docker-entrypoint.d 10-listen.sh 20-templates.sh notes.txt
#: file /docker-entrypoint.d/10-listen.sh
#: file /docker-entrypoint.d/20-templates.sh
set -e

say() { [ -n "${QUIET:-}" ] || echo "$@"; }

if [ "$1" = "nginx" ] || [ "$1" = "nginx-debug" ]; then
	if /usr/bin/find "/docker-entrypoint.d/" -mindepth 1 -print -quit 2>/dev/null | read v; then
		say "$0: looking for shell scripts"
		for f in /docker-entrypoint.d/*; do
			case "$f" in
			*.envsh) if [ -x "$f" ]; then . "$f"; fi ;;
			*.sh) if [ -x "$f" ]; then "$f"; else say "$f is not executable"; fi ;;
			*) say "ignoring $f" ;;
			esac
		done
	fi
fi

exec "$@"
#= 13 pipeline decides: /usr/bin/find /docker-entrypoint.d/ -mindepth 1 -print -quit
#= 18 foreground? ends: /docker-entrypoint.d/10-listen.sh
#= 18 foreground? ends: /docker-entrypoint.d/20-templates.sh
#= 25 exec ends: nginx -g daemon off; (/usr/sbin/nginx)
#= end exec nginx
