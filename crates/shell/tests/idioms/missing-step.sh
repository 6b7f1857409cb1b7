#!/bin/sh
#: file /usr/bin/app
set -e
migrate
exec app
#= 4 foreground ends: migrate (missing)
#= end Fails { status: 127, reason: Program(0) }
