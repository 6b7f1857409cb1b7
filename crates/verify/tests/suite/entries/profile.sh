#!/bin/bash
. /etc/profile
exec server "$@"
