#!/bin/sh
#: args sh -c x
#: file /usr/bin/id
#: file /bin/sh
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
#= 13 substitution continues: id -u (/usr/bin/id)
#= 19 exec ends: sh -c x (/bin/sh)
#= end exec sh
