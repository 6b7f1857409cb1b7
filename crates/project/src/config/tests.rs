use super::*;
use crate::testing::TestDirectory;

impl TestDirectory {
    /// The whole message, with the directory called `/p`.
    fn config_error(&self) -> String {
        let error = Config::read(&self.path().join(FILE_NAME)).unwrap_err();
        self.masked(error)
    }
}

fn go(config: &str) -> TestDirectory {
    TestDirectory::new(&[("go.mod", "module m\n"), (FILE_NAME, config)])
}

fn rust(config: &str) -> TestDirectory {
    TestDirectory::new(&[("Cargo.toml", ""), (FILE_NAME, config)])
}

#[test]
fn issue_example() {
    let directory = go(r#"
[deploy.eks]
nodes = ["m5.large"]
[deploy.graviton]
nodes = ["m7g.large"]

[image.k8s-ssh-server]
path = "."
deploy = ["eks", "graviton"]
base = "static"
expose = [2222, "53/udp"]
repository = "registry.example/k8s-ssh-server"
tags = ["{{ version }}", "{{ git.short }}"]
"#);
    let config = Config::find(&directory.path()).unwrap();
    let image = &config.images[0];
    assert_eq!(config.root, directory.path());
    assert_eq!(config.deploys["graviton"].nodes[0].value.text, "m7g.large");
    assert_eq!(image.path.value, directory.path());
    assert_eq!(image.deploy[1].value, "graviton");
    assert_eq!(image.expose[1].value, Port { number: 53, protocol: "udp".into() });
    let place = Source::File { path: directory.path().join(FILE_NAME), line: 12, column: 14 };
    assert_eq!(image.repository, Some(Sourced::new("registry.example/k8s-ssh-server".into(), place)));
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(go("[image.web]\nexpse = [1]\n").config_error(), @r"
    /p/crossdock.toml:2:1: unknown key `expse`; did you mean `expose`?
      |
    2 | expse = [1]
      | ^^^^^
    ");
    insta::assert_snapshot!(go("[image.web]\nfoobarbaz = 1\n").config_error(), @r"
    /p/crossdock.toml:2:1: unknown key `foobarbaz`; known here: `path`, `language`, `package`, `binary`, `binaries`, `deploy`, `base`, `linkage`, `libc`, `features`, `all-features`, `no-default-features`, `profile`, `ldflags`, `cgo`, `env`, `entrypoint`, `cmd`, `workdir`, `user`, `expose`, `labels`, `annotations`, `files`, `timezones`, `toolchain`, `repository`, `tags`, `tag-env`, `stop-signal`, `health` and `dockerfile`
      |
    2 | foobarbaz = 1
      | ^^^^^^^^^
    ");
    insta::assert_snapshot!(go("[image.web]\nfiles = [{ form = \"a\", to = \"/b\" }]\n").config_error(), @r#"
    /p/crossdock.toml:2:12: unknown key `form`; did you mean `from`?
      |
    2 | files = [{ form = "a", to = "/b" }]
      |            ^^^^
    "#);
    insta::assert_snapshot!(go("[imgae.web]\n").config_error(), @r"
    /p/crossdock.toml:1:2: unknown key `imgae`; did you mean `image`?
      |
    1 | [imgae.web]
      |  ^^^^^
    ");
    insta::assert_snapshot!(go("[image.web]\nbase = \"statik\"\n").config_error(), @r#"
    /p/crossdock.toml:2:8: unknown value `statik`; did you mean `static`?
      |
    2 | base = "statik"
      |        ^^^^^^^^
    "#);
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(go("[image.web]\nexpose = \"2222\"\n").config_error(), @r#"
    /p/crossdock.toml:2:10: invalid type: string "2222", expected a list in brackets
      |
    2 | expose = "2222"
      |          ^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nexpose = [true]\n").config_error(), @r"
    /p/crossdock.toml:2:11: invalid type: boolean `true`, expected a number or a string
      |
    2 | expose = [true]
      |           ^^^^
    ");
    insta::assert_snapshot!(go("[image.web]\ncgo = \"yes\"\n").config_error(), @r#"
    /p/crossdock.toml:2:7: invalid type: string "yes", expected true or false
      |
    2 | cgo = "yes"
      |       ^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nenv = { PORT = 8080 }\n").config_error(), @r"
    /p/crossdock.toml:2:16: invalid type: integer `8080`, expected a string
      |
    2 | env = { PORT = 8080 }
      |                ^^^^
    ");
    insta::assert_snapshot!(go("[image.web\n").config_error(), @r"
    /p/crossdock.toml:1:11: unclosed table, expected `]`
      |
    1 | [image.web
      |           ^
    ");
    insta::assert_snapshot!(go("[image.web]\n[image.web]\n").config_error(), @r"
    /p/crossdock.toml:2:8: duplicate key
      |
    2 | [image.web]
      |        ^^^
    ");
    insta::assert_snapshot!(go("[deploy.x]\n").config_error(), @r"
    /p/crossdock.toml:1:1: the key `nodes` is missing
      |
    1 | [deploy.x]
      | ^^^^^^^^^^
    ");
}

#[test]
fn contradictions() {
    insta::assert_snapshot!(go("[image.web]\nfeatures = [\"tls\"]\nprofile = \"dist\"\n").config_error(), @r#"
    /p/crossdock.toml:2:12: `features` applies to Rust programs, and this image has a Go program; remove it
      |
    2 | features = ["tls"]
      |            ^^^^^^^

    /p/crossdock.toml:3:11: `profile` applies to Rust programs, and this image has a Go program; remove it
      |
    3 | profile = "dist"
      |           ^^^^^^
    "#);
    insta::assert_snapshot!(rust("[image.web]\ncgo = true\n").config_error(), @r"
    /p/crossdock.toml:2:7: `cgo` applies to Go programs, and this image has a Rust program; remove it
      |
    2 | cgo = true
      |       ^^^^
    ");
    insta::assert_snapshot!(go("[image.web]\nbase = \"scratch\"\ntimezones = true\nuser = \"nonroot\"\n").config_error(), @r#"
    /p/crossdock.toml:3:13: `timezones` adds to the base, and `base = "scratch"` is empty; use `base = "static"`
      |
    3 | timezones = true
      |             ^^^^

    /p/crossdock.toml:4:8: `base = "scratch"` has no /etc/passwd to look up a user's name in; write the user as a number, or use `base = "static"`
      |
    4 | user = "nonroot"
      |        ^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nlibc = \"musl\"\nlinkage = \"dynamic\"\n").config_error(), @r#"
    /p/crossdock.toml:2:8: a Go program has no C library unless `cgo = true`; remove `libc`, or set `cgo = true`
      |
    2 | libc = "musl"
      |        ^^^^^^

    /p/crossdock.toml:3:11: a Go program is static unless `cgo = true`; remove `linkage`, or set `cgo = true`
      |
    3 | linkage = "dynamic"
      |           ^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nbinary = \"a\"\nbinaries = [\"b\", \"b\"]\n").config_error(), @r#"
    /p/crossdock.toml:3:12: `binaries` and `binary` are both set; keep one of them
      |
    3 | binaries = ["b", "b"]
      |            ^^^^^^^^^^

    /p/crossdock.toml:3:18: `b` is listed twice in `binaries`
      |
    3 | binaries = ["b", "b"]
      |                  ^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\ntoolchain = [\"build-std\"]\nentrypoint = []\n").config_error(), @r#"
    /p/crossdock.toml:2:14: `toolchain` applies to Rust programs, and this image has a Go program; remove it
      |
    2 | toolchain = ["build-std"]
      |              ^^^^^^^^^^^

    /p/crossdock.toml:3:14: `entrypoint` is empty, and `cmd` names no program to start; remove it: the first program is the entry point by default
      |
    3 | entrypoint = []
      |              ^^
    "#);
    let twice =
        "[image.web]\nfiles = [{ from = \"go.mod\", to = \"/x\" }, { from = \"go.mod\", to = \"/x\" }]\n";
    insta::assert_snapshot!(go(twice).config_error(), @r#"
    /p/crossdock.toml:2:66: two files have the destination `/x`; keep one of them
      |
    2 | files = [{ from = "go.mod", to = "/x" }, { from = "go.mod", to = "/x" }]
      |                                                                  ^^^^
    "#);
    insta::assert_snapshot!(rust("[image.web]\nall-features = true\nfeatures = [\"tls\"]\n").config_error(), @r"
    /p/crossdock.toml:2:16: `all-features` and `features` are both set; keep one of them
      |
    2 | all-features = true
      |                ^^^^
    ");
}

#[test]
fn wrong_values() {
    insta::assert_snapshot!(go("[image.Web]\n").config_error(), @r#"
    /p/crossdock.toml:1:8: `image`: "Web" is not a repository: character 1, `W`, is a capital letter; a repository is written in lower case
      |
    1 | [image.Web]
      |        ^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nexpose = [0, 70000, \"53/tpc\"]\n").config_error(), @r#"
    /p/crossdock.toml:2:11: `expose`: `0` is not a port: use a number from 1 to 65535
      |
    2 | expose = [0, 70000, "53/tpc"]
      |           ^

    /p/crossdock.toml:2:14: `expose`: `70000` is not a port: use a number from 1 to 65535
      |
    2 | expose = [0, 70000, "53/tpc"]
      |              ^^^^^

    /p/crossdock.toml:2:21: `expose`: `tpc` is not the protocol of a port: use `tcp`, `udp` or `sctp`
      |
    2 | expose = [0, 70000, "53/tpc"]
      |                     ^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nrepository = \"https://r.example/web\"\n").config_error(), @r#"
    /p/crossdock.toml:2:14: `repository`: "https://r.example/web" is not a repository: it is an address with `://`; leave out everything up to there
      |
    2 | repository = "https://r.example/web"
      |              ^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nrepository = \"r.example/web:1\"\n").config_error(), @r#"
    /p/crossdock.toml:2:14: `repository`: `r.example/web:1` has a tag: write `r.example/web`, and put `1` into `tags`
      |
    2 | repository = "r.example/web:1"
      |              ^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\ntags = [\"{{ version\"]\n").config_error(), @r#"
    /p/crossdock.toml:2:9: `tags`: `{{ version` is not a template: unexpected end of input, expected end of variable block
      |
    2 | tags = ["{{ version"]
      |         ^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\ntags = [\"{{ env.BUILD }}\"]\n").config_error(), @r#"
    /p/crossdock.toml:2:9: `tags`: `{{ env.BUILD }}` reads the variable BUILD; allow it with `tag-env = ["BUILD"]`
      |
    2 | tags = ["{{ env.BUILD }}"]
      |         ^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("tags = [\"{{ verison }}\"]\n").config_error(), @r#"
    /p/crossdock.toml:1:9: `tags`: the tag template `{{ verison }}` uses `verison`, which does not exist; did you mean `version`?
      |
    1 | tags = ["{{ verison }}"]
      |         ^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nuser = -1\nworkdir = \"srv\"\n").config_error(), @r#"
    /p/crossdock.toml:2:8: `user`: `-1` is not a user: use a number or a name, optionally with a group, such as "65532:65532"
      |
    2 | user = -1
      |        ^^

    /p/crossdock.toml:3:11: `workdir`: `srv` is relative; write an absolute path, such as `/srv`
      |
    3 | workdir = "srv"
      |           ^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\nenv = { \"A=B\" = \"x\" }\n").config_error(), @r#"
    /p/crossdock.toml:2:9: `env`: `A=B` is not the name of a variable
      |
    2 | env = { "A=B" = "x" }
      |         ^^^^^
    "#);
    insta::assert_snapshot!(go("[image.wéb]\n").config_error(), @r"
    /p/crossdock.toml:1:9: invalid unquoted key, expected letters, numbers, `-`, `_`
      |
    1 | [image.wéb]
      |         ^
    ");
}

#[test]
fn files() {
    let with = |file: &str| go(&format!("[image.web]\nfiles = [{file}]\n"));
    insta::assert_snapshot!(with(r#"{ from = "go.mod", to = "etc/x", mode = 755 }"#).config_error(), @r#"
    /p/crossdock.toml:2:34: `image.web.files[0].to`: `etc/x` is relative; write an absolute path, such as `/etc/x`
      |
    2 | files = [{ from = "go.mod", to = "etc/x", mode = 755 }]
      |                                  ^^^^^^^

    /p/crossdock.toml:2:50: `image.web.files[0].mode`: 755 is a decimal number, and a mode is octal: write "0755" or 0o755
      |
    2 | files = [{ from = "go.mod", to = "etc/x", mode = 755 }]
      |                                                  ^^^
    "#);
    insta::assert_snapshot!(with(r#"{ from = "../x", to = "/x", mode = "rwx" }"#).config_error(), @r#"
    /p/crossdock.toml:2:19: `image.web.files[0].from`: `../x` is outside of the project's directory, /p
      |
    2 | files = [{ from = "../x", to = "/x", mode = "rwx" }]
      |                   ^^^^^^

    /p/crossdock.toml:2:45: `image.web.files[0].mode`: `rwx` is not a mode: use octal digits up to 7777, such as "0755"
      |
    2 | files = [{ from = "../x", to = "/x", mode = "rwx" }]
      |                                             ^^^^^
    "#);
    insta::assert_snapshot!(with(r#"{ from = "/etc/passwd", to = "/x" }"#).config_error(), @r#"
    /p/crossdock.toml:2:19: `image.web.files[0].from`: `/etc/passwd` is absolute; paths are relative to the directory of this file
      |
    2 | files = [{ from = "/etc/passwd", to = "/x" }]
      |                   ^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(with(r#"{ from = "missing", to = "/a/../x" }"#).config_error(), @r#"
    /p/crossdock.toml:2:19: `image.web.files[0].from`: `/p/missing` cannot be read: No such file or directory (os error 2)
      |
    2 | files = [{ from = "missing", to = "/a/../x" }]
      |                   ^^^^^^^^^

    /p/crossdock.toml:2:35: `image.web.files[0].to`: `/a/../x` contains `..`; write the path without it
      |
    2 | files = [{ from = "missing", to = "/a/../x" }]
      |                                   ^^^^^^^^^
    "#);
    let directory = with(
        r#"{ from = "go.mod", to = "/etc/", mode = 0o640 }, { from = "go.mod", to = "/x", mode = "0755" }"#,
    );
    let config = Config::find(&directory.path()).unwrap();
    let files: Vec<_> =
        config.images[0].files.iter().map(|file| (file.value.to.as_str(), file.value.mode)).collect();
    assert_eq!(files, [("/etc/go.mod", Some(0o640)), ("/x", Some(0o755))]);
}

#[cfg(unix)]
#[test]
fn symbolic_links_stay_inside_the_project() {
    let directory =
        go("[image.web]\nfiles = [{ from = \"loop\", to = \"/a\" }, { from = \"out\", to = \"/b\" }]\n");
    std::os::unix::fs::symlink("loop", directory.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("/etc", directory.path().join("out")).unwrap();
    insta::assert_snapshot!(directory.config_error(), @r#"
    /p/crossdock.toml:2:19: `image.web.files[0].from`: `/p/loop` cannot be read: Too many levels of symbolic links (os error 40)
      |
    2 | files = [{ from = "loop", to = "/a" }, { from = "out", to = "/b" }]
      |                   ^^^^^^

    /p/crossdock.toml:2:49: `image.web.files[1].from`: `out` is a symbolic link to /etc, outside of the project's directory
      |
    2 | files = [{ from = "loop", to = "/a" }, { from = "out", to = "/b" }]
      |                                                 ^^^^^
    "#);
}

#[test]
fn a_file_beside_the_project_may_point_up() {
    let config = "[image.web]\npath = \"..\"\nfiles = [{ from = \"../go.mod\", to = \"/a\" }, { from = \"x.toml\", to = \"/b\" }]\n";
    let directory = TestDirectory::new(&[("go.mod", ""), ("deploy/x.toml", config)]);
    let config = Config::read(&directory.path().join("deploy/../deploy/x.toml")).unwrap();
    assert_eq!(config.images[0].path.value, directory.path());
    assert_eq!(config.images[0].files[0].value.from, directory.path().join("go.mod"));
    assert_eq!(config.root, directory.path().join("deploy"));
}

#[test]
fn files_that_are_no_configuration() {
    let read = |directory: &TestDirectory, name: &str| {
        let error = Config::read(&directory.path().join(name)).unwrap_err();
        error.to_string().replace(directory.path().as_str(), "/p")
    };
    let directory = TestDirectory::new(&[
        ("crlf.toml", "[image.web]\r\nexpse = 1\r\n"),
        ("escape.toml", "[image.web]\nx = \"\u{1b}[2J\"\n"),
    ]);
    let hidden = TestDirectory::new(&[("go.mod", ""), (FILE_NAME, "[image.web]\nuser = \"\\u001b[2J\"\n")]);
    assert!(!hidden.config_error().contains('\u{1b}'), "{}", hidden.config_error());
    insta::assert_snapshot!(read(&directory, "missing.toml"), @"/p/missing.toml cannot be read; give the path of an existing file");
    insta::assert_snapshot!(read(&directory, "."), @"/p cannot be read; give the path of a file");
    insta::assert_snapshot!(read(&directory, "crlf.toml"), @r"
    /p/crlf.toml:2:1: unknown key `expse`; did you mean `expose`?
      |
    2 | expse = 1
      | ^^^^^
    ");
    insta::assert_snapshot!(read(&directory, "escape.toml"), @r#"
    /p/escape.toml:2:6: invalid basic string, expected non-double-quote visible characters, `\`
      |
    2 | x = "�[2J"
      |      ^
    "#);
    std::io::Write::write_all(
        &mut std::fs::File::create(directory.path().join("latin1.toml")).unwrap(),
        b"# \xe4\n",
    )
    .unwrap();
    insta::assert_snapshot!(read(&directory, "latin1.toml"), @"/p/latin1.toml cannot be read; save it as UTF-8");
    let with_mark = TestDirectory::new(&[(FILE_NAME, "\u{feff}tags = [\"x\"]\n")]);
    assert!(Config::find(&with_mark.path()).is_ok());
}

#[test]
fn one_folder_has_one_language() {
    let text = "[image.a]\nlanguage = \"go\"\n[image.b]\nlanguage = \"rust\"\n";
    let directory = TestDirectory::new(&[("go.mod", ""), ("Cargo.toml", ""), (FILE_NAME, text)]);
    insta::assert_snapshot!(directory.config_error(), @r"
    /p/crossdock.toml:3:8: the images `a` and `b` use one directory for projects of two languages; move one project into its own directory, or set the same `language` for both
      |
    3 | [image.b]
      |        ^
    ");
}

#[test]
fn deploy_targets() {
    insta::assert_snapshot!(go("[deploy.graviton]\nnodes = [\"m7g.large\"]\n[image.web]\ndeploy = [\"gravitom\"]\n").config_error(), @r#"
    /p/crossdock.toml:4:11: unknown deploy target `gravitom`; did you mean `graviton`?
      |
    4 | deploy = ["gravitom"]
      |           ^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[deploy.eks]\nnodes = []\n[image.web]\ndeploy = [\"gke\"]\n").config_error(), @r#"
    /p/crossdock.toml:2:9: the deploy target `eks` has no nodes; list them, such as ["m7g.large"] or ["linux/arm64"]
      |
    2 | nodes = []
      |         ^^

    /p/crossdock.toml:4:11: unknown deploy target `gke`; this file declares `eks`
      |
    4 | deploy = ["gke"]
      |           ^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web]\ndeploy = [\"gke\"]\n").config_error(), @r#"
    /p/crossdock.toml:2:11: unknown deploy target `gke`; add [deploy.gke] with its nodes to this file
      |
    2 | deploy = ["gke"]
      |           ^^^^^
    "#);
}

#[test]
fn folders_that_are_no_project() {
    insta::assert_snapshot!(go("[image.web]\npath = \"sub\"\n").config_error(), @r#"
    /p/crossdock.toml:2:8: /p/sub is not a directory
      |
    2 | path = "sub"
      |        ^^^^^
    "#);
    let directory =
        TestDirectory::new(&[("sub/x", ""), ("go.mod", ""), (FILE_NAME, "[image.web]\npath = \"sub\"\n")]);
    insta::assert_snapshot!(directory.config_error(), @r#"
    /p/crossdock.toml:2:8: /p/sub is not a project: it has no Cargo.toml, go.mod or go.work; the nearest one above is /p
      |
    2 | path = "sub"
      |        ^^^^^
    "#);
    let both = [("Cargo.toml", ""), ("go.mod", ""), (FILE_NAME, "[image.web]\n")];
    insta::assert_snapshot!(TestDirectory::new(&both).config_error(), @r#"
    /p/crossdock.toml:1:8: /p has both a Rust project (Cargo.toml) and a Go project (go.mod); choose one in crossdock.toml: [image.NAME] with `language = "rust"` or `language = "go"`
      |
    1 | [image.web]
      |        ^^^
    "#);
    insta::assert_snapshot!(rust("[image.web]\nlanguage = \"go\"\n").config_error(), @r#"
    /p/crossdock.toml:2:12: /p is not a Go project: it has no go.mod
      |
    2 | language = "go"
      |            ^^^^
    "#);
}

#[test]
fn includes() {
    let one = "[deploy.eks]\nnodes = [\"m5.large\"]\n[image.one]\ndeploy = [\"eks\"]\n";
    let two = "[deploy.eks]\nnodes = [\"m7g.large\"]\n[image.one]\n";
    let root = (FILE_NAME, "include = [\"examples/*\"]\n");
    let readme = ("examples/README.md", "not = a = configuration");
    let directory =
        TestDirectory::new(&[root, readme, ("examples/a/go.mod", ""), ("examples/a/crossdock.toml", one)]);
    let config = Config::find(&directory.path()).unwrap();
    assert_eq!(config.images[0].path.value, directory.path().join("examples/a"));
    assert_eq!(config.files.len(), 2);
    let clash = [
        root,
        ("examples/a/go.mod", ""),
        ("examples/a/crossdock.toml", one),
        ("examples/b/go.mod", ""),
        ("examples/b/crossdock.toml", two),
    ];
    insta::assert_snapshot!(TestDirectory::new(&clash).config_error(), @r"
    /p/examples/b/crossdock.toml:1:9: the deploy target `eks` has different nodes at /p/examples/a/crossdock.toml:2:10; rename one of them
      |
    1 | [deploy.eks]
      |         ^^^

    /p/examples/b/crossdock.toml:3:8: the image `one` is already declared at /p/examples/a/crossdock.toml:3:8; rename one of them
      |
    3 | [image.one]
      |        ^^^
    ");
    let same = "[deploy.eks]\nnodes = [\"m5.large\"]\n[image.two]\ndeploy = [\"eks\"]\n";
    let both = [clash[0], clash[1], clash[2], clash[3], ("examples/b/crossdock.toml", same)];
    let config = Config::find(&TestDirectory::new(&both).path()).unwrap();
    assert_eq!((config.deploys.len(), config.images.len()), (1, 2));
    insta::assert_snapshot!(TestDirectory::new(&[root]).config_error(), @r#"
    /p/crossdock.toml:1:12: `include`: `examples/*` matches no crossdock.toml below /p
      |
    1 | include = ["examples/*"]
      |            ^^^^^^^^^^^^
    "#);
    let cycle = [
        root,
        ("examples/a/crossdock.toml", "include = [\"../*\", \"b\"]"),
        ("examples/a/b/crossdock.toml", "include = [\".\"]"),
    ];
    insta::assert_snapshot!(TestDirectory::new(&cycle).config_error(), @r#"
    /p/examples/a/crossdock.toml:1:12: `include`: `../*` is outside of the directory of this file
      |
    1 | include = ["../*", "b"]
      |            ^^^^^^

    /p/examples/a/b/crossdock.toml:1:12: `include`: /p/examples/a/b/crossdock.toml is already included; include each file once, and no file in itself
      |
    1 | include = ["."]
      |            ^^^
    "#);
}

#[test]
fn found_upwards_to_the_root_of_the_checkout() {
    let directory = TestDirectory::new(&[
        (FILE_NAME, "tags = [\"outer\"]"),
        ("repo/.git/HEAD", ""),
        ("repo/go.mod", ""),
        ("repo/cmd/x/main.go", ""),
    ]);
    let config = Config::find(&directory.path().join("repo/cmd/x")).unwrap();
    assert_eq!((config.files.len(), config.root), (0, directory.path().join("repo")));
    let directory =
        TestDirectory::new(&[(FILE_NAME, "tags = [\"x\"]"), ("Cargo.toml", ""), ("member/Cargo.toml", "")]);
    let config = Config::find(&directory.path().join("member")).unwrap();
    assert_eq!(config.root, directory.path());
    assert_eq!(config.defaults.tags.unwrap().value, ["x"]);
}

#[test]
fn what_a_configuration_means() {
    let directory = rust(
        r#"
toolchain = ["distribution"]
[deploy.graviton]
nodes = ["m7g.large"]
[image.web]
binaries = ["web", "migrate"]
deploy = ["graviton"]
features = ["tls"]
no-default-features = true
libc = "musl"
profile = "dist"
env = { RUST_LOG = "info" }
cmd = ["--port", "80"]
user = 1000
expose = [80]
files = [{ from = "Cargo.toml", to = "/etc/", mode = "0600" }]
timezones = true
tags = ["{{ env.BUILD }}"]
tag-env = ["BUILD"]
"#,
    );
    let text = describe(&Config::find(&directory.path()).unwrap()).replace(directory.path().as_str(), "/p");
    insta::assert_snapshot!(text, @r#"
    read /p/crossdock.toml

    deploy target graviton
      node        m7g.large → linux/arm64  (/p/crossdock.toml:4:10)

    image web
      directory   /p  (the default: the directory of the configuration file)
      programs    web, migrate  (/p/crossdock.toml:6:12)
      linkage     static  (the default: the program then needs nothing of the image)
      libc        musl  (/p/crossdock.toml:10:8)
      features    tls, without the default ones  (/p/crossdock.toml:8:12)
      profile     dist  (/p/crossdock.toml:11:11)
      toolchain   distribution  (/p/crossdock.toml:2:14)
      cmd         ["--port", "80"]  (/p/crossdock.toml:13:7)
      user        1000  (/p/crossdock.toml:14:8)
      port        80/tcp  (/p/crossdock.toml:15:11)
      env         RUST_LOG=info
      base        static  (the default: certificates and a non-root user, built in)
      timezones   true  (/p/crossdock.toml:17:13)
      file        /etc/Cargo.toml from /p/Cargo.toml with mode 0600  (/p/crossdock.toml:16:10)
      runs on     graviton (m7g.large → linux/arm64)  (/p/crossdock.toml:7:11)
      repository  the image's name
      tags        {{ env.BUILD }}  (/p/crossdock.toml:18:8)
      tag-env     BUILD
    "#);
    let empty = TestDirectory::new(&[("go.mod", "")]);
    let text = describe(&Config::find(&empty.path()).unwrap()).replace(empty.path().as_str(), "/p");
    insta::assert_snapshot!(text, @r"
    no configuration file: each program of /p becomes an image

    every image
      linkage     static  (the default: the program then needs nothing of the image)
      base        static  (the default: certificates and a non-root user, built in)
      runs on     linux/amd64 and linux/arm64  (the default: no `deploy`)
      repository  the image's name
      tags        the version, where there is one, and latest
    ");
}

/// Whatever is cut off or put in, there is a configuration or an error, never a panic, and every error has its place.
#[test]
fn damaged_files_are_errors_with_a_place() {
    let text = "include = [\"a\"]\n[deploy.é]\nnodes = [\"m5.large\"]\n[image.web]\nfiles = [{ from = \"go.mod\", to = \"/x\", mode = 0o644 }]\ntags = [\"{{ version }}\"]\nuser = 65532\nexpose = [\"53/udp\"]\n";
    let directory = TestDirectory::new(&[("go.mod", "")]);
    let path = directory.path().join(FILE_NAME);
    for (place, _) in text.char_indices().step_by(3) {
        for with in ["", "é", "\"", "]", "\u{0}"] {
            let damaged =
                format!("{}{with}{}", &text[..place], if with.is_empty() { "" } else { &text[place..] });
            std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), damaged.as_bytes())
                .unwrap();
            if let Err(ConfigError::Invalid(problems)) = Config::read(&path) {
                assert!(!problems.is_empty(), "{damaged}");
                let lines = damaged.lines().count() + 1;
                assert!(
                    problems.iter().all(|problem| problem.line <= lines && problem.column > 0),
                    "{problems:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_said_of_the_dockerfile() {
    let directory = go(r#"
templates = "templates"
[image.web]
stop-signal = "SIGINT"
[image.web.health]
command = ["/usr/local/bin/web", "check"]
interval = 10
[image.web.dockerfile]
mode = "fixed"
base = "debian-slim"
debian = "bookworm"
toolchain = "1.26"
caching = "layer"
packages = ["libpq-dev"]
runtime-packages = ["libpq5"]
context = ["proto"]
private = { netrc = ["git.example"], registries = ["own"] }
syntax = "docker/dockerfile:1"
"#);
    std::fs::create_dir(directory.path().join("templates")).unwrap();
    let config = Config::read(&directory.path().join(FILE_NAME)).unwrap();
    let image = &config.images[0];
    assert_eq!(config.templates.as_ref().unwrap().value, directory.path().join("templates"));
    assert_eq!(image.stop_signal.as_ref().unwrap().value, "SIGINT");
    let health = &image.health.as_ref().unwrap().value;
    assert_eq!((health.interval, health.timeout, health.start_period, health.retries), (10, 30, 0, 3));
    assert_eq!(image.dockerfile.mode.as_ref().unwrap().value, DockerfileMode::Fixed);
    assert_eq!(image.dockerfile.private.registries, ["own"]);
    let text = describe(&config).replace(directory.path().as_str(), "/p");
    let said: Vec<&str> = text
        .lines()
        .filter(|line| ["Dockerfile:", "stop-signal", "health"].iter().any(|key| line.contains(key)))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    stop-signal SIGINT  (/p/crossdock.toml:4:15)
    health      ["/usr/local/bin/web", "check"]  (/p/crossdock.toml:6:11)
    Dockerfile: mode        fixed  (/p/crossdock.toml:9:8)
    Dockerfile: base        debian-slim  (/p/crossdock.toml:10:8)
    Dockerfile: debian      bookworm  (/p/crossdock.toml:11:10)
    Dockerfile: toolchain   1.26  (/p/crossdock.toml:12:13)
    Dockerfile: caching     layer  (/p/crossdock.toml:13:11)
    Dockerfile: syntax      docker/dockerfile:1  (/p/crossdock.toml:18:10)
    Dockerfile: packages    libpq-dev
    Dockerfile: at run time libpq5
    Dockerfile: context     proto
    Dockerfile: netrc       git.example
    Dockerfile: registries  own
    "#);
}

#[test]
fn what_does_not_belong_into_a_dockerfile() {
    let text = r#"
templates = "nowhere"
[image.web]
stop-signal = "int"
[image.web.health]
command = []
retries = 0
[image.web.dockerfile]
toolchain = "1.26 AS x"
packages = ["-o", "a b"]
context = ["../x", "!y"]
private = { ssh = ["git@host:x"] }
"#;
    insta::assert_snapshot!(go(text).config_error(), @r#"
    /p/crossdock.toml:2:13: `templates`: /p/nowhere is not a directory
      |
    2 | templates = "nowhere"
      |             ^^^^^^^^^

    /p/crossdock.toml:4:15: `stop-signal`: `int` is not a signal: use a name such as SIGINT, or a number from 1 to 64
      |
    4 | stop-signal = "int"
      |               ^^^^^

    /p/crossdock.toml:6:11: `command` is empty; name the program that checks, with its arguments
      |
    6 | command = []
      |           ^^

    /p/crossdock.toml:7:11: `retries`: use a whole number of at least 1
      |
    7 | retries = 0
      |           ^

    /p/crossdock.toml:9:13: `toolchain`: `1.26 AS x` is not a plain version such as `1.26` or `1.26.3`; choose the release of the base with `base`, `debian` and `alpine`
      |
    9 | toolchain = "1.26 AS x"
      |             ^^^^^^^^^^^

    /p/crossdock.toml:10:13: `packages`: `-o` is not a single name: write each one as its own item, such as `libpq-dev`
       |
    10 | packages = ["-o", "a b"]
       |             ^^^^

    /p/crossdock.toml:10:19: `packages`: `a b` is not a single name: write each one as its own item, such as `libpq-dev`
       |
    10 | packages = ["-o", "a b"]
       |                   ^^^^^

    /p/crossdock.toml:11:12: `context`: `../x` is not a path or pattern below the project's root, such as `proto` or `assets/**`
       |
    11 | context = ["../x", "!y"]
       |            ^^^^^^

    /p/crossdock.toml:11:20: `context`: `!y` is not a path or pattern below the project's root, such as `proto` or `assets/**`
       |
    11 | context = ["../x", "!y"]
       |                    ^^^^

    /p/crossdock.toml:12:20: `ssh`: `git@host:x` must begin with a letter or digit and contain only letters, digits, `.`, `_` and `-`
       |
    12 | private = { ssh = ["git@host:x"] }
       |                    ^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(go("[image.web.dockerfile]\nbase = \"ubuntu\"\n").config_error(), @r#"
    /p/crossdock.toml:2:8: unknown value `ubuntu`; known here: `scratch`, `static`, `distroless-static`, `alpine`, `distroless-base`, `distroless-cc` and `debian-slim`
      |
    2 | base = "ubuntu"
      |        ^^^^^^^^
    "#);
}

/// A key that the reference lacks is one that nobody finds.
#[test]
fn every_key_is_documented() {
    // Only what stands as code, not the words that explain it.
    let code = KEYS_MARKDOWN.split('`').skip(1).step_by(2);
    let words: Vec<&str> =
        code.flat_map(|code| code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))).collect();
    // The fields of the structs whose names begin with Raw.
    let structs = include_str!("raw.rs").split("struct Raw").skip(1);
    let fields: Vec<&str> = structs
        .flat_map(|text| text.split("\n}").next().unwrap_or_default().lines().skip(1))
        .filter(|line| line.contains("Spanned<") || line.contains("Raw") || line.contains("StringTable"))
        .filter_map(|line| {
            line.trim().trim_start_matches("pub(super) ").split_once(": ").map(|(name, _)| name)
        })
        .collect();
    assert!(fields.len() > 55, "{fields:?}");
    for key in fields.iter().map(|field| field.replace('_', "-")) {
        assert!(words.contains(&key.as_str()), "`{key}` is not in keys.md");
    }
}

#[test]
fn nodes_and_the_constant_parts_of_tags_are_known_before_anything_is_built() {
    let config = "[deploy.eks]\nnodes = [\"m5.large\", \"linux/arm46\"]\n\n[image.web]\ntags = [\"a b\"]\n";
    insta::assert_snapshot!(go(config).config_error(), @r#"
    /p/crossdock.toml:2:22: `nodes`: `linux/arm46` is not a known platform or node: "arm46" is not an architecture that OCI or Go names (nearest: arm64, arm, armbe); did you mean `linux/arm64`?
      |
    2 | nodes = ["m5.large", "linux/arm46"]
      |                      ^^^^^^^^^^^^^

    /p/crossdock.toml:5:9: `tags`: the tag template `a b` does not give a tag: "a b" is not a tag: character 2, ' ', is not one of letters, digits, `_.-`; the filter `slug` replaces what is not allowed
      |
    5 | tags = ["a b"]
      |         ^^^^^
    "#);
}
