#!/bin/sh
# Pushes a base image of both platforms, with what crossdock's static base holds, to a registry on this machine.
# Usage: base.sh FOLDER REFERENCE
set -eu
folder=$1 reference=$2
rm -rf "$folder"
mkdir -p "$folder/root/etc/ssl/certs" "$folder/root/tmp"
cp /etc/ssl/certs/ca-certificates.crt "$folder/root/etc/ssl/certs/"
printf 'root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/:/sbin/nologin\n' > "$folder/root/etc/passwd"
printf 'FROM scratch\nCOPY root /\n' > "$folder/Containerfile"
buildah() { command buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs "$@"; }
buildah build --quiet --platform linux/amd64,linux/arm64 --manifest base "$folder"
buildah manifest push --quiet --all --format oci --tls-verify=false base "docker://$reference"
