#!/bin/sh
#: file /usr/bin/app
set -e
exec app
#= end Fails { status: 2, reason: Builtin("set: Illegal option -e\r") }
#= carriage return in line 3
