#!/bin/sh
#: file /bin/sleep
while true; do
	date
	sleep 60
done
app
#= 4 foreground continues: date (missing)
#= 5 foreground continues: sleep 60 (/bin/sleep)
#= end Forever
