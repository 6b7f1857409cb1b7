# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM tonistiigi/xx:1.6.1 AS xx
FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
RUN apk add --no-cache clang lld
COPY --from=xx / /
WORKDIR /src
COPY . .
ARG TARGETPLATFORM
RUN xx-apk add --no-cache musl-dev gcc
RUN CGO_ENABLED=1 xx-go build -o /out/app . && xx-verify /out/app
FROM alpine:3.22
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
