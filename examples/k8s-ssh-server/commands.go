package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// started is when the process began, for uptime.
var started = time.Now()

// caller is who runs a command and where its output goes.
type caller struct {
	user     string
	out, err io.Writer
}

// result is the exit status of a command, as a shell counts it, and whether the session ends with it.
type result struct {
	status int
	leave  bool
}

type command struct {
	name, help string
	run        func(arguments []string, to caller) int
}

// commands is a function because help lists the table that it stands in.
func commands() []command {
	return []command{
		{"date", "the time, in UTC (RFC 3339)", date},
		{"echo", "its arguments", echo},
		{"exit", "leaves, with the status given", nil},
		{"help", "this list", help},
		{"hostname", "the pod's name", hostname},
		{"true", "nothing, successfully", func([]string, caller) int { return 0 }},
		{"uname", "the system: -s -n -m -v, or -a for all", uname},
		{"uptime", "how long the server has been running", uptime},
		{"whoami", "the name that logged in", whoami},
	}
}

// runLine splits the line into words and runs the command that the first one names.
func runLine(line string, to caller) result {
	words, err := splitWords(line)
	if err != nil {
		fmt.Fprintf(to.err, "%v\n", err)
		return result{status: 2}
	}
	if len(words) == 0 {
		return result{}
	}
	if words[0] == "exit" {
		return exit(words[1:], to)
	}
	for _, c := range commands() {
		if c.name == words[0] {
			return result{status: c.run(words[1:], to)}
		}
	}
	fmt.Fprintf(to.err, "%s: command not found; help lists the commands\n", strconv.Quote(words[0]))
	return result{status: 127}
}

func exit(arguments []string, to caller) result {
	if len(arguments) == 0 {
		return result{leave: true}
	}
	status, err := strconv.ParseUint(arguments[0], 10, 8)
	if err != nil {
		fmt.Fprintln(to.err, "exit: the status is a number from 0 to 255")
		return result{status: 2, leave: true}
	}
	return result{status: int(status), leave: true}
}

func date(_ []string, to caller) int {
	return print(to, time.Now().UTC().Format(time.RFC3339))
}

func echo(arguments []string, to caller) int {
	return print(to, strings.Join(arguments, " "))
}

func help(_ []string, to caller) int {
	for _, c := range commands() {
		if status := print(to, fmt.Sprintf("%-9s %s", c.name, c.help)); status != 0 {
			return status
		}
	}
	return 0
}

func hostname(_ []string, to caller) int {
	name, err := os.Hostname()
	if err != nil {
		fmt.Fprintf(to.err, "hostname: %v\n", err)
		return 1
	}
	return print(to, name)
}

// uname speaks of the program, not of the kernel: under emulation the two differ.
func uname(arguments []string, to caller) int {
	fields := map[string]string{"-s": systemName(), "-n": nodeName(), "-m": machineName(), "-v": version()}
	order := []string{"-s", "-n", "-m", "-v"}
	if len(arguments) == 0 {
		arguments = []string{"-s"}
	}
	if slices.Contains(arguments, "-a") {
		arguments = order
	}
	var answer []string
	for _, argument := range arguments {
		field, known := fields[argument]
		if !known {
			fmt.Fprintf(to.err, "uname: unknown option %q; use -a, -m, -n, -s or -v\n", argument)
			return 1
		}
		answer = append(answer, field)
	}
	return print(to, strings.Join(answer, " "))
}

func uptime(_ []string, to caller) int {
	return print(to, time.Since(started).Round(time.Second).String())
}

func whoami(_ []string, to caller) int {
	return print(to, to.user)
}

func print(to caller, line string) int {
	if _, err := fmt.Fprintln(to.out, line); err != nil {
		return 1
	}
	return 0
}

func systemName() string {
	if runtime.GOOS == "linux" {
		return "Linux"
	}
	return runtime.GOOS
}

func nodeName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// machineName is the name that uname(1) uses on Linux where it differs from Go's.
func machineName() string {
	names := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}
	if name, known := names[runtime.GOARCH]; known {
		return name
	}
	return runtime.GOARCH
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return runtime.Version()
	}
	return info.Main.Version + "/" + info.GoVersion
}
