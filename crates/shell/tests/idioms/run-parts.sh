#!/bin/sh
#: args app
#: directory /etc/entry.d
#: file /bin/app
set -e
for part in /etc/entry.d/*.sh; do
	[ -e "$part" ] || continue
	. "$part"
done
exec "$@"
#= 10 exec ends: app (/bin/app)
#= end exec app
