// Command gzip1 compresses a file once, in memory, with Go's gzip at level 1, as ko and crane do with a layer, and
// prints the seconds that this took and the number of bytes that came out.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	out.Grow(len(data))
	start := time.Now()
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(time.Since(start).Seconds(), out.Len())
}
