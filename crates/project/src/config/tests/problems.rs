//! Configurations that are refused, each with the whole message.

use super::*;

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    insta::assert_snapshot!(go("[image.web]\nexpse = [1]\n").config_error(), @r"
    /p/crossdock.toml:2:1: unknown key `expse`; did you mean `expose`?
      |
    2 | expse = [1]
      | ^^^^^
    ");
    insta::assert_snapshot!(go("[image.web]\nfoobarbaz = 1\n").config_error(), @r"
    /p/crossdock.toml:2:1: unknown key `foobarbaz`; known here: `path`, `language`, `package`, `binary`, `binaries`, `deploy`, `base`, `linkage`, `libc`, `features`, `all-features`, `no-default-features`, `profile`, `ldflags`, `cgo`, `buildvcs`, `env`, `entrypoint`, `cmd`, `workdir`, `user`, `expose`, `labels`, `annotations`, `files`, `timezones`, `toolchain`, `repository`, `tags`, `tag-env`, `version-tag`, `stop-signal`, `health` and `dockerfile`
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
    /p/crossdock.toml:2:8: `base`: `statik` has no tag; did you mean `static`?
      |
    2 | base = "statik"
      |        ^^^^^^^^
    "#);
}

#[test]
fn wrong_types_are_explained_in_toml_words() {
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
fn keys_that_contradict_each_other_are_reported() {
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
    /p/crossdock.toml:3:13: `timezones` adds to the built-in base, and `base = "scratch"` is empty; use `base = "static"`
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
fn wrong_values_are_reported_at_their_place() {
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
fn unreadable_and_malformed_files_are_reported() {
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
    insta::assert_snapshot!(read(&directory, "."), @"/p cannot be read; give the path of a regular file of the project");
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
fn one_directory_has_one_language() {
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
fn unknown_deploy_targets_name_the_nearest_known_one() {
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
fn directories_without_a_project_are_reported() {
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
fn wrong_dockerfile_keys_are_reported() {
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

#[test]
fn nodes_and_constant_parts_of_tags_are_checked_on_reading() {
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
