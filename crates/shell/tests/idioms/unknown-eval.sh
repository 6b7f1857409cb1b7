#!/bin/sh
#: unknown environment
eval "$SETUP"
eval "exec $START_COMMAND"
#= end Unknown
#= 3 not followed: Eval eval …
#= 4 not followed: Eval eval exec …
