//! Caches of compiled packages that teams have: programs behind GOCACHEPROG and RUSTC_WRAPPER.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crossdock_tests::{Layout, Sandbox, fixture};

/// A program in the place of GOCACHEPROG that keeps entries in a directory (`go doc cmd/go/internal/cacheprog`).
const CACHE_PROGRAM: &str = r#"// Command cacher keeps what go compiled in a directory.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"
)

type request struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

type response struct {
	ID            int64
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

type entry struct {
	OutputID []byte
	Size     int64
	Time     time.Time
}

func main() {
	directory := os.Args[1]
	input := json.NewDecoder(bufio.NewReader(os.Stdin))
	output := json.NewEncoder(os.Stdout)
	output.Encode(response{KnownCommands: []string{"get", "put", "close"}})
	for {
		var asked request
		if input.Decode(&asked) != nil {
			return
		}
		answer := response{ID: asked.ID}
		name := filepath.Join(directory, hex.EncodeToString(asked.ActionID))
		switch asked.Command {
		case "get":
			var found entry
			text, err := os.ReadFile(name + ".json")
			if err != nil || json.Unmarshal(text, &found) != nil {
				answer.Miss = true
				break
			}
			answer.OutputID, answer.Size, answer.Time, answer.DiskPath = found.OutputID, found.Size, &found.Time, name
		case "put":
			var body []byte
			if asked.BodySize > 0 {
				var text string
				if input.Decode(&text) != nil {
					return
				}
				body, _ = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytesOf(text)))
			}
			os.WriteFile(name, body, 0o644)
			text, _ := json.Marshal(entry{asked.OutputID, int64(len(body)), time.Now()})
			os.WriteFile(name+".json", text, 0o644)
			answer.DiskPath = name
		}
		output.Encode(answer)
		if asked.Command == "close" {
			return
		}
	}
}

func bytesOf(text string) io.Reader { return &reader{text} }

type reader struct{ text string }

func (r *reader) Read(into []byte) (int, error) {
	if r.text == "" {
		return 0, io.EOF
	}
	n := copy(into, r.text)
	r.text = r.text[n:]
	return n, nil
}
"#;

fn digest(sandbox: &Sandbox, project: &Path) -> String {
    sandbox.crossdock(project, &["dist", "--platform", "linux/amd64"]).success();
    let layouts = [".crossdock", "target/crossdock"].map(|directory| project.join(directory).join("hello"));
    let layout = layouts.into_iter().find(|layout| layout.is_dir()).unwrap();
    Layout::open(layout).digest().to_owned()
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
#[ignore = "long: compiles the standard library twice"]
fn long_go_keeps_packages_in_the_program_of_gocacheprog_and_the_image_is_the_same() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let plain = digest(&sandbox, &project);
    let source = sandbox.work().join("cacher");
    fixture::write(source.join("go.mod"), "module example.com/cacher\n\ngo 1.24\n");
    fixture::write(source.join("main.go"), CACHE_PROGRAM);
    sandbox.tool(&source, "go", &["build", "-o", "cacher", "."]).success();
    let store = sandbox.work().join("store");
    fs::create_dir(&store).unwrap();
    let program = format!("{} {}", source.join("cacher").display(), store.display());
    sandbox.set("GOCACHEPROG", &program);
    let doctor = sandbox.crossdock(&project, &["doctor"]).success();
    assert!(doctor.stdout.contains("keeping what go compiles (GOCACHEPROG)"), "{doctor:?}");
    // Nothing of the first run is left that would make go skip its cache.
    fs::remove_dir_all(sandbox.cache().join("crossdock")).unwrap();
    assert_eq!(digest(&sandbox, &project), plain);
    assert!(files(&store) > 100, "the cache got {} files", files(&store));
}

#[test]
#[ignore = "long: compiles the standard library twice"]
fn long_rustc_is_called_through_its_wrapper_and_the_image_is_the_same() {
    let mut sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    let plain = digest(&sandbox, &project);
    let log = sandbox.work().join("log");
    let wrapper: PathBuf = sandbox.work().join("wrapper");
    let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n", log.display());
    fixture::write(&wrapper, script);
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_dir_all(project.join("target")).unwrap();
    sandbox.set("RUSTC_WRAPPER", &wrapper);
    let doctor = sandbox.crossdock(&project, &["doctor"]).success();
    assert!(doctor.stdout.contains("keeping what rustc compiles (RUSTC_WRAPPER)"), "{doctor:?}");
    assert_eq!(digest(&sandbox, &project), plain);
    let calls = fs::read_to_string(log).unwrap();
    assert!(calls.contains("--crate-name hello"), "{calls}");
    // The cargo configuration of the project names it, too.
    sandbox.unset("RUSTC_WRAPPER");
    let config = format!("[build]\nrustc-wrapper = \"{}\"\n", wrapper.display());
    fixture::write(project.join(".cargo/config.toml"), config);
    let doctor = sandbox.crossdock(&project, &["doctor"]).success();
    assert!(doctor.stdout.contains("(build.rustc-wrapper)"), "{doctor:?}");
}
