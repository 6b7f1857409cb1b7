# syntax=docker/dockerfile:1.7
FROM golang:1.26-alpine AS build
RUN <<EOF
set -eu
apk add --no-cache git
go install golang.org/x/tools/cmd/stringer@latest
EOF

COPY <<-"SCRIPT" /usr/local/bin/entry.sh
	#!/bin/sh
	exec "$@"
	SCRIPT

COPY <<one.txt <<two.txt /etc/motd.d/
first $HOME
one.txt
second
two.txt

RUN <<EOT bash
  echo "$((1 << 2))"
EOT
ENTRYPOINT ["/usr/local/bin/entry.sh"]
