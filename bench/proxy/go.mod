module crossdock.example/bench/proxy

go 1.24
