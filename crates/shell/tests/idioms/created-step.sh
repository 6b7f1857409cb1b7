#!/bin/sh
#: file /usr/bin/app
#: file /usr/bin/curl
#: file /bin/chmod
set -e
curl -o /usr/local/bin/migrate https://example.org/migrate
chmod +x /usr/local/bin/migrate
migrate
exec app
#= 6 foreground ends: curl -o /usr/local/bin/migrate https://example.org/migrate (/usr/bin/curl)
#= 7 foreground ends: chmod +x /usr/local/bin/migrate (/bin/chmod)
#= 8 foreground ends: migrate
#= 9 exec ends: app (/usr/bin/app)
#= end exec app
