module crossdock.example/gzip1

go 1.22
