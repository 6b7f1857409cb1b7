// Command proxy forwards requests to a registry on this machine, each after a delay, and counts them.
//
// Usage: proxy LISTEN REGISTRY DELAY. A request for /counts answers with the numbers of requests and of bytes in both
// directions since the last such request.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

var requests, bytes atomic.Int64

// counted counts the bytes that are read.
type counted struct{ io.ReadCloser }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	bytes.Add(int64(n))
	return n, err
}

func main() {
	delay, err := time.ParseDuration(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	upstream := &url.URL{Scheme: "http", Host: os.Args[2]}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.DisableCompression = true
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			// A registry names itself in Location as the client names it.
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			r.Body = counted{r.Body}
			return nil
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/counts" {
			fmt.Fprintln(w, requests.Swap(0), bytes.Swap(0))
			return
		}
		requests.Add(1)
		r.Body = counted{r.Body}
		time.Sleep(delay)
		proxy.ServeHTTP(w, r)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(handler)))
}
