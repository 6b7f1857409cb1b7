// Serves an in-memory registry with the referrers API on a free port of the loopback interface, whose address it prints.
// With the argument "immutable" no tag can move.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	immutable := len(os.Args) > 1 && os.Args[1] == "immutable"
	registry := ocimem.NewWithConfig(&ocimem.Config{ImmutableTags: immutable})
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, ociserver.New(registry, nil)))
}
