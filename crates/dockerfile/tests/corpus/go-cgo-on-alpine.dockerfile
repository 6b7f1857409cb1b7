FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=1 go build -o /out/app ./cmd/app
FROM alpine:3.22
RUN apk add --no-cache ca-certificates
COPY --from=build /out/app /app
CMD ["/app"]
