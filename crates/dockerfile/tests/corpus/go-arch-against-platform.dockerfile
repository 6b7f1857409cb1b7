FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ENV CGO_ENABLED=0 GOOS=linux GOARCH=amd64
COPY . /src
RUN cd /src && go build -o /out/app .
FROM --platform=linux/arm64 alpine:3.22
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
