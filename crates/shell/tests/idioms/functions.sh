#!/bin/sh
#: args --debug
#: file /usr/bin/app
log() { printf '%s\n' "$*" >&2; }
die() { log "$@"; exit 1; }
start() {
	[ $# -ge 1 ] || die "no arguments"
	log "starting $1"
	exec app "$@"
}
start "$@"
#= 9 exec ends: app --debug (/usr/bin/app)
#= end exec app
