module github.com/crossdock/crossdock/bench/gzip1

go 1.22
