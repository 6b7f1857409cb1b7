FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release
FROM gcr.io/distroless/static-debian12
COPY --from=build /src/target/release/app /app
HEALTHCHECK --interval=30s --timeout=3s CMD /app health || exit 1
ENTRYPOINT /app serve
