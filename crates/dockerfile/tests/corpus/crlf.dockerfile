FROM golang:1.26 AS build
RUN echo one \
    two
RUN <<EOF
echo x
EOF
FROM scratch
COPY --from=build /a /a
