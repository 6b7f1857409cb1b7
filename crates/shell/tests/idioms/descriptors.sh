#!/bin/bash
# What is written to a copy of standard output is captured too, and a name reference changes any variable.
#: file /usr/bin/app
x=$( { echo out; echo err >&2; } 2>&1 )
y=$(echo shown 2>&1 1>&2)
z=$(exec 5>&1; echo v >&5)
w=$(missing 2>&1)
known=$(echo out 2>&1; echo lost >/dev/null)
/usr/bin/app "$x" "$y" "$z" "$w" "$known"
f() { local -n r=$1; r=5; }
f n
let m=1+1
o=010
/usr/bin/app "$n" "$m" "$((o+1))"
#= 7 substitution continues: missing (missing)
#= 9 foreground continues: /usr/bin/app … … … … out
#= 14 foreground continues: /usr/bin/app … # #
#= end last /usr/bin/app
