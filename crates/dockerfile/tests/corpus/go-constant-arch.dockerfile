FROM golang:1.26 AS builder
WORKDIR /app
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o ssh-server .

FROM alpine:3.22
COPY --from=builder /app/ssh-server /usr/local/bin/ssh-server
EXPOSE 2222
CMD ["ssh-server"]
