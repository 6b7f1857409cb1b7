#!/bin/sh
#: unknown environment
#: file /usr/bin/id
#: file /bin/cp
tools=$(if [ -n "$TOOLS" ]; then cp "/opt/tool" /usr/bin/; fi)
exec tool
#= 5 substitution? continues: cp /opt/tool /usr/bin/ (/bin/cp)
#= 6 exec ends: tool
#= end exec tool
