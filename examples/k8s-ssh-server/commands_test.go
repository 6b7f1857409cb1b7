package main

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                     nil,
		"  \t ":                nil,
		"echo a  b":            {"echo", "a", "b"},
		`echo 'a  b' "c d"`:    {"echo", "a  b", "c d"},
		`echo ''`:              {"echo", ""},
		`a\ b`:                 {"a b"},
		`"a \"q\" \n"`:         {`a "q" \n`},
		`'a\'`:                 {`a\`},
		`pre'fix'ed`:           {"prefixed"},
		"trailing\\":           {"trailing\\"},
		"echo $HOME; ls | cat": {"echo", "$HOME;", "ls", "|", "cat"},
	} {
		got, err := splitWords(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("splitWords(%q) = %q, %v; want %q", line, got, err, want)
		}
	}
	if _, err := splitWords(`echo "open`); err == nil {
		t.Error("an open quote was accepted")
	}
}

func TestRunLine(t *testing.T) {
	for _, test := range []struct {
		line, out, err string
		want           result
	}{
		{line: "whoami", out: "ada\n"},
		{line: "echo a 'b  c'", out: "a b  c\n"},
		{line: "true"},
		{line: "uname -m", out: machineName() + "\n"},
		{line: "uname -x", err: `unknown option "-x"`, want: result{status: 1}},
		{line: "ls", err: "command not found", want: result{status: 127}},
		{line: "exit", want: result{leave: true}},
		{line: "exit 7", want: result{status: 7, leave: true}},
		{line: "exit 256", err: "0 to 255", want: result{status: 2, leave: true}},
		{line: "echo 'open", err: "not closed", want: result{status: 2}},
	} {
		var out, errors bytes.Buffer
		got := runLine(test.line, caller{user: "ada", out: &out, err: &errors})
		if got != test.want || out.String() != test.out || !strings.Contains(errors.String(), test.err) {
			t.Errorf("%q gave %+v, %q, %q", test.line, got, out.String(), errors.String())
		}
	}
}

func TestUnameAllNamesTheProgramsMachine(t *testing.T) {
	var out bytes.Buffer
	runLine("uname -a", caller{out: &out, err: &out})
	if !strings.Contains(out.String(), machineName()) || !strings.Contains(out.String(), runtime.Version()) {
		t.Errorf("uname -a gave %q", out.String())
	}
}
