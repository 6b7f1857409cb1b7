#!/bin/bash
#: file /usr/sbin/cron
#: file /usr/bin/app
cron &
trap 'kill $(jobs -p)' EXIT
app --port "${PORT:-80}" &
wait -n
#= 4 background continues: cron (/usr/sbin/cron)
#= 6 background continues: app --port 80 (/usr/bin/app)
#= end Waits
