#!/bin/sh
# The Go example by hand: both platforms, side by side. What crossdock adds to the compilers is measured against this.
# Usage: go.sh PROJECT OUTPUT
set -eu
cd "$1"
mkdir -p "$2"
export CGO_ENABLED=0 GOOS=linux
GOARCH=amd64 go build -trimpath -ldflags='-s -w' -o "$2/amd64" . &
amd64=$!
GOARCH=arm64 go build -trimpath -ldflags='-s -w' -o "$2/arm64" . &
arm64=$!
wait "$amd64"
wait "$arm64"
