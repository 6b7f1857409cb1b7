#!/bin/sh
#: args --save ''
#: user 0
set -e

# The first argument is an option, or a configuration file.
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
	set -- redis-server "$@"
fi

# Drop root.
if [ "$1" = 'redis-server' -a "$(id -u)" = '0' ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi

umask 0077
exec "$@"
#= 12 substitution continues: id -u
#= 13 foreground ends: find . ! -user redis -exec chown redis {} +
#= 14 exec ends: gosu redis /entry.sh redis-server --save ''
#= end exec gosu
#: args redis-server
#: user 999
#= 12 substitution continues: id -u
#= 18 exec ends: redis-server
#= end exec redis-server
#: args sh -c x
#: file /usr/bin/id
#: file /bin/sh
#= 12 substitution continues: id -u (/usr/bin/id)
#= 18 exec ends: sh -c x (/bin/sh)
#= end exec sh
