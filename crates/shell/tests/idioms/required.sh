#!/bin/sh
#: args app
#: file /bin/app
: "${DATABASE_URL:?set DATABASE_URL}"
exec "$@"
#= end Fails { status: 2, reason: Unset("DATABASE_URL") }
