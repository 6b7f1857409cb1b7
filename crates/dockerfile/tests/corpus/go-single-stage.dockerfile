FROM golang:1.26
WORKDIR /go/src/app
COPY . .
RUN go get -d -v ./... && go install -v ./...
EXPOSE 8080/tcp 8443
CMD ["app"]
