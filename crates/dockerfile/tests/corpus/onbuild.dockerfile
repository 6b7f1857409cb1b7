FROM golang:1.26
ONBUILD COPY . /src
ONBUILD RUN --mount=type=cache,target=/root/.cache go build ./...
ONBUILD RUN <<EOF
echo one
EOF
ONBUILD ENTRYPOINT ["/app"]
MAINTAINER someone@example.org
