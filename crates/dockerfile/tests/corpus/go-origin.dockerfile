FROM golang:1.26-alpine AS builder
WORKDIR /src
COPY . .
RUN go build -o /server .
FROM alpine:3.22
COPY --from=builder /server /server
EXPOSE 2222
ENTRYPOINT ["/server"]
