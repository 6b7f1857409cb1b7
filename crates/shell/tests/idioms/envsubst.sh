#!/bin/sh
#: env PORT=8080
set -e
envsubst '$PORT' < /etc/app.conf.in > /etc/app.conf
[ -f /etc/app.conf ]
exec app --config /etc/app.conf
#= 4 foreground ends: envsubst $PORT
#= 6 exec ends: app --config /etc/app.conf
#= end exec app
