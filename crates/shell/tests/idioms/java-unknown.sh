#!/bin/sh
#: unknown environment
#: file /opt/java/bin/java
#: file /usr/bin/java
if [ -n "$JAVA_HOME" ] && [ -x "$JAVA_HOME/bin/java" ]; then
	java="$JAVA_HOME/bin/java"
else
	java=java
fi
exec "$java" $JAVA_OPTS -jar /app.jar "$@"
#= 10 exec? ends: …/bin/java … -jar /app.jar
#= 10 exec? ends: java … -jar /app.jar (/usr/bin/java)
#= end? exec …/bin/java
#= end? exec java
#= 10 not followed: CommandWord exec …/bin/java … -jar /app.jar
