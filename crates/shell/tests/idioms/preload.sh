#!/bin/sh
#: args app
#: file /usr/lib/libjemalloc.so.2
#: file /usr/bin/find
#: file /usr/bin/head
#: file /opt/bin/app
library=$(find /usr/lib -name 'libjemalloc.so.2' | head -n 1)
if [ -f /usr/lib/libjemalloc.so.2 ]; then
	export LD_PRELOAD=/usr/lib/libjemalloc.so.2
fi
export LD_LIBRARY_PATH=/opt/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} PATH="/opt/bin:$PATH"
cd /srv
exec "$@"
#= 7 substitution continues: find /usr/lib -name libjemalloc.so.2 (/usr/bin/find)
#= 7 substitution continues: head -n 1 (/usr/bin/head)
#= 13 exec ends: app (/opt/bin/app) LD_LIBRARY_PATH=/opt/lib LD_PRELOAD=/usr/lib/libjemalloc.so.2 PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
#= end exec app
