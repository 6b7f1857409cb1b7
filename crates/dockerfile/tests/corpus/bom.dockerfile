# syntax=docker/dockerfile:1
FROM alpine
RUN echo "no newline at the end"