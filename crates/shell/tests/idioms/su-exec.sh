#!/bin/sh
#: args server --listen :80
#: user 0
#: env APP_USER=app
set -eu
: "${APP_USER:?a user is required}"
: "${APP_HOME:=/home/$APP_USER}"
export APP_HOME
if [ "$(id -u)" -eq 0 ]; then
	chown -R "$APP_USER" "$APP_HOME"
	exec su-exec "$APP_USER" "$@"
fi
exec "$@"
#= 9 substitution continues: id -u APP_HOME=/home/app
#= 10 foreground ends: chown -R app /home/app APP_HOME=/home/app
#= 11 exec ends: su-exec app server --listen :80 APP_HOME=/home/app
#= end exec su-exec
