// Reads a JSON list of Dockerfiles from standard input and writes the result of BuildKit's parser and linter for each:
// the oracle with which crossdock's parser and renderer are compared.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type file struct {
	Name string `json:"name"`
	Text string `json:"text"`
	Lint bool   `json:"lint"`
}

type answer struct {
	Name       string  `json:"name"`
	Error      string  `json:"error,omitempty"`
	Nodes      []node  `json:"nodes"`
	StageError string  `json:"stage_error,omitempty"`
	Stages     []stage `json:"stages"`
	Warnings   []found `json:"warnings"`
}

type node struct {
	Command  string    `json:"command"`
	Flags    []string  `json:"flags"`
	Words    []string  `json:"words"`
	Json     bool      `json:"json"`
	Start    int       `json:"start"`
	End      int       `json:"end"`
	Heredocs []heredoc `json:"heredocs"`
}

type heredoc struct {
	Name    string `json:"name"`
	Expand  bool   `json:"expand"`
	Chomp   bool   `json:"chomp"`
	Content string `json:"content"`
}

type stage struct {
	Name     string `json:"name"`
	Base     string `json:"base"`
	Platform string `json:"platform"`
}

type found struct {
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
	Line   int32  `json:"line"`
}

// resolver reports that every image exists, without a configuration, for the requested platform.
type resolver struct{}

func (resolver) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		platform = *opt.ImageOpt.Platform
	}
	config, err := json.Marshal(ocispecs.Image{Platform: platform})
	return ref, digest.FromBytes(config), config, err
}

func words(n *parser.Node) []string {
	list := []string{}
	for ; n != nil; n = n.Next {
		if len(n.Children) > 0 {
			list = append(list, n.Children[0].Value)
			list = append(list, n.Children[0].Flags...)
			list = append(list, words(n.Children[0].Next)...)
			continue
		}
		list = append(list, n.Value)
	}
	return list
}

func nodes(ast *parser.Node) []node {
	list := []node{}
	for _, child := range ast.Children {
		one := node{
			Command: strings.ToLower(child.Value), Flags: append([]string{}, child.Flags...), Words: words(child.Next),
			Json: child.Attributes["json"], Start: child.StartLine, End: child.EndLine, Heredocs: []heredoc{},
		}
		for _, doc := range child.Heredocs {
			one.Heredocs = append(one.Heredocs, heredoc{doc.Name, doc.Expand, doc.Chomp, doc.Content})
		}
		list = append(list, one)
	}
	return list
}

func lint(text string) []found {
	list := []found{}
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte(text))
	source.Definition = &llb.Definition{}
	opt := dockerfile2llb.ConvertOpt{
		Config:       dockerui.Config{},
		MetaResolver: resolver{},
		SourceMap:    source,
	}
	results, err := dockerfile2llb.DockerfileLint(context.Background(), []byte(text), opt)
	if err != nil {
		return append(list, found{Rule: "error", Detail: err.Error()})
	}
	if results.Error != nil {
		list = append(list, found{Rule: "error", Detail: results.Error.Message})
	}
	for _, warning := range results.Warnings {
		line := int32(0)
		if warning.Location != nil && len(warning.Location.Ranges) > 0 {
			line = warning.Location.Ranges[0].Start.Line
		}
		list = append(list, found{warning.RuleName, warning.Detail, line})
	}
	return list
}

func look(f file) answer {
	result := answer{Name: f.Name, Nodes: []node{}, Stages: []stage{}, Warnings: []found{}}
	parsed, err := parser.Parse(strings.NewReader(f.Text))
	if err != nil {
		result.Error = err.Error()
		return result
	}
	result.Nodes = nodes(parsed.AST)
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		result.StageError = err.Error()
	}
	for _, s := range stages {
		result.Stages = append(result.Stages, stage{s.Name, s.BaseName, s.Platform})
	}
	if f.Lint {
		result.Warnings = lint(f.Text)
	}
	return result
}

func main() {
	var files []file
	if err := json.NewDecoder(os.Stdin).Decode(&files); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := []answer{}
	for _, f := range files {
		answers = append(answers, look(f))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
