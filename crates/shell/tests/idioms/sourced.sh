#!/bin/sh
#: args app
#: text /etc/default/app set -- "$@" --from-defaults; MODE=fast
#: directory /etc/default app
[ -f /etc/default/app ] && . /etc/default/app
[ "$MODE" = fast ] || exit 1
exec "$@"
#= 7 exec ends: app --from-defaults
#= end exec app
