#!/bin/sh
# All programs of a Go module by hand: both platforms, side by side.
# Usage: monorepo-go.sh PROJECT OUTPUT
set -eu
cd "$1"
export CGO_ENABLED=0 GOOS=linux
mkdir -p "$2/amd64" "$2/arm64"
GOARCH=amd64 go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$2/amd64" ./... &
amd64=$!
GOARCH=arm64 go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$2/arm64" ./... &
arm64=$!
wait "$amd64"
wait "$arm64"
