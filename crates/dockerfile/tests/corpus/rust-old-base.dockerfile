FROM rust:1.95-bullseye as build
WORKDIR /src
COPY . .
RUN cargo build --release
from debian:buster-slim
copy --from=build /src/target/release/app /app
user 1000
cmd ["/app"]
