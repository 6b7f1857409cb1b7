// Asks Go's rules which proxy a request takes. Reads the rows of crates/registry/tests/proxy.tsv on standard input and writes each with Go's answer.
package main

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

func main() {
	rows := bufio.NewScanner(os.Stdin)
	for rows.Scan() {
		if rows.Text() == "" || rows.Text()[0] == '#' {
			continue
		}
		fields := strings.Split(rows.Text(), "\t")
		os.Clearenv()
		if fields[0] != "-" {
			for _, variable := range strings.Split(fields[0], "|") {
				name, value, _ := strings.Cut(variable, "=")
				os.Setenv(name, value)
			}
		}
		fmt.Printf("%s\t%s\t%s\n", fields[0], fields[1], answer(fields[1]))
	}
}

func answer(text string) string {
	target, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(target)
	switch {
	case err != nil:
		return "error"
	case proxy == nil:
		return "direct"
	}
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[proxy.Scheme]
	}
	host := proxy.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	user := ""
	if proxy.User != nil {
		password, _ := proxy.User.Password()
		user = " " + proxy.User.Username() + " " + password
	}
	return fmt.Sprintf("%s://%s:%s%s", proxy.Scheme, host, port, user)
}
