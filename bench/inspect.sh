#!/bin/sh
# What people run by hand to learn whether programs fit a machine, one file at a time.
for program in "$@"; do
    file "$program"
    readelf -d "$program"
done
