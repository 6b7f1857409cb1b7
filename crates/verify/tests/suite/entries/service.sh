#!/bin/sh
set -e
service worker start
service worker status || true
exec server --foreground
