#!/bin/sh
#: env JAVA_HOME=/opt/java
#: file /opt/java/bin/java
#: file /usr/bin/java
if [ -n "$JAVA_HOME" ] && [ -x "$JAVA_HOME/bin/java" ]; then
	java="$JAVA_HOME/bin/java"
else
	java=java
fi
exec "$java" $JAVA_OPTS -jar /app.jar "$@"
#= 10 exec ends: /opt/java/bin/java -jar /app.jar
#= end exec /opt/java/bin/java
