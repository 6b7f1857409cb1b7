FROM rust:1.95 AS builder
WORKDIR /usr/src/app
COPY . .
RUN cargo build --release
FROM alpine:3.22
COPY --from=builder /usr/src/app/target/release/http-api /usr/local/bin/http-api
CMD ["http-api"]
