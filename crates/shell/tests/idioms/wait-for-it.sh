#!/bin/sh
#: args /app serve
#: file /app
#: file /usr/bin/nc
#: file /bin/sleep
set -e
host="${DB_HOST:-db}"
until nc -z "$host" 5432; do
	echo "waiting for $host"
	sleep 1
done
exec "$@"
#= 8 condition decides: nc -z db 5432 (/usr/bin/nc)
#= 10 foreground? ends: sleep 1 (/bin/sleep)
#= 12 exec ends: /app serve
#= end exec /app
