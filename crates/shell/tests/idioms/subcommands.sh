#!/bin/sh
#: unknown arguments
set -e
case "$1" in
web)
	exec gunicorn app:web
	;;
worker)
	exec celery -A app worker
	;;
*)
	exec "$@"
	;;
esac
#= 6 exec? ends: gunicorn app:web
#= 9 exec? ends: celery -A app worker
#= 12 exec? ends: …
#= end? exec gunicorn
#= end? exec celery
#= end? exec …
#= 12 not followed: CommandWord exec …
