#!/bin/sh
#: file /usr/bin/app
#: file /bin/migrate
set -e
cd /srv
migrate
app --foreground
#= 6 foreground ends: migrate (/bin/migrate)
#= 7 foreground ends: app --foreground (/usr/bin/app)
#= end last app
