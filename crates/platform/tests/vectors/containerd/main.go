// Prints the platforms that containerd's default matcher accepts, one line for each host: the host, a tab and the
// accepted platforms, best first, separated by blanks. Run it in this directory with the versions of its go.mod:
//
//	go run . < platforms.txt > accepted.tsv
//
// Equally good platforms keep the order of the input. A Windows host prefers the newest version among them, as
// containerd's Default() does on Windows: it compares the versions as text.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/containerd/platforms"
)

type image struct {
	text     string
	platform platforms.Platform
}

func main() {
	var hosts, images []image
	list := &hosts
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text := lines.Text()
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case text == "images:":
			list = &images
		default:
			platform, err := platforms.Parse(text)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			*list = append(*list, image{text, platform})
		}
	}
	for _, host := range hosts {
		matcher := platforms.Only(host.platform)
		var accepted []image
		for _, image := range images {
			if matcher.Match(image.platform) {
				accepted = append(accepted, image)
			}
		}
		if host.platform.OS == "windows" {
			sort.SliceStable(accepted, func(i, j int) bool {
				return accepted[i].platform.OSVersion > accepted[j].platform.OSVersion
			})
		}
		sort.SliceStable(accepted, func(i, j int) bool {
			return matcher.Less(accepted[i].platform, accepted[j].platform)
		})
		var texts []string
		for _, image := range accepted {
			texts = append(texts, image.text)
		}
		fmt.Printf("%s\t%s\n", host.text, strings.Join(texts, " "))
	}
}
