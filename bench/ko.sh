#!/bin/sh
# The Go example with ko: both platforms into an OCI layout, on a base from the registry on this machine.
# Usage: ko.sh PROJECT OUTPUT BASE
set -eu
cd "$1"
export KO_DOCKER_REPO=ko.example/bench KO_DEFAULTBASEIMAGE="$3"
exec "$KO" build --bare --push=false --sbom=none --platform=linux/amd64,linux/arm64 --oci-layout-path="$2" .
