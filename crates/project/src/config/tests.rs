mod problems;

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
fn a_whole_configuration_is_resolved() {
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
fn extra_files_exist_below_the_project_and_have_octal_modes() {
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

#[test]
fn a_configuration_next_to_the_project_may_point_up() {
    let config = "[image.web]\npath = \"..\"\nfiles = [{ from = \"../go.mod\", to = \"/a\" }, { from = \"x.toml\", to = \"/b\" }]\n";
    let directory = TestDirectory::new(&[("go.mod", ""), ("deploy/x.toml", config)]);
    let config = Config::read(&directory.path().join("deploy/../deploy/x.toml")).unwrap();
    assert_eq!(config.images[0].path.value, directory.path());
    assert_eq!(config.images[0].files[0].value.from, directory.path().join("go.mod"));
    assert_eq!(config.root, directory.path().join("deploy"));
}

#[test]
fn nothing_outside_of_the_project_is_read_or_packed() {
    let image = |keys: &str| format!("[image.web]\n{keys}\n");
    let directory = TestDirectory::new(&[
        ("secret", "TOKEN=1\n"),
        ("other/go.mod", ""),
        ("clone/.git/config", "TOKEN=1\n"),
        ("clone/go.mod", ""),
        ("clone/empty.toml", ""),
        ("clone/sub/crossdock.toml", "[image.sub]\npath = \"..\"\n"),
    ]);
    let clone = directory.path().join("clone");
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, clone.join(name)).unwrap();
    link("../other", "linked");
    link("empty.toml", "inside.toml");
    link("../secret", "secret");
    link("/proc/self/environ", "environment.toml");
    link(".git", "repository");
    assert!(Config::read(&clone.join("sub/crossdock.toml")).is_ok());
    assert!(Config::read(&clone.join("inside.toml")).is_ok());
    let error = |keys: &str| {
        let error = Config::from_text(&clone.join(FILE_NAME), keys.to_owned()).unwrap_err().to_string();
        assert!(!error.contains("TOKEN"), "{error}");
        directory.masked(error.lines().next().unwrap())
    };
    let file = |from: &str| error(&image(&format!("files = [{{ from = {from:?}, to = \"/x\" }}]")));
    insta::assert_snapshot!(
        [
            error(&image("path = \"../other\"")),
            error(&image("path = \"linked\"")),
            error("include = [\"environment.toml\"]"),
            error("templates = \"linked\""),
            file("secret"),
            file(".git/config"),
            file(".git"),
            file("repository/config"),
        ]
        .join("\n"),
        @r"
    /p/clone/crossdock.toml:2:8: `path`: `../other` is outside of the project, /p/clone; move crossdock.toml to a directory that contains both
    /p/clone/crossdock.toml:2:8: `path`: `linked` cannot be used: it leads to `/p/other`, outside of `/p/clone`; replace the symbolic link with a copy
    /p/clone/environment.toml cannot be read; give the path of a regular file of the project
    /p/clone/crossdock.toml:1:13: `templates`: `linked` cannot be used: it leads to `/p/other`, outside of `/p/clone`; replace the symbolic link with a copy
    /p/clone/crossdock.toml:2:19: `image.web.files[0].from`: `secret` is a symbolic link to /p/secret, outside of the project's directory
    /p/clone/crossdock.toml:2:19: `image.web.files[0].from`: `.git/config` belongs to git, whose configuration may hold credentials; name other files
    /p/clone/crossdock.toml:2:19: `image.web.files[0].from`: `.git` belongs to git, whose configuration may hold credentials; name other files
    /p/clone/crossdock.toml:2:19: `image.web.files[0].from`: `repository/config` belongs to git, whose configuration may hold credentials; name other files
    "
    );
    std::os::unix::fs::symlink("../secret", clone.join(FILE_NAME)).unwrap();
    let error = Config::find(&clone).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("outside of") && !cause.contains("TOKEN"), "{cause}");
}

#[test]
fn a_configuration_that_is_not_a_regular_file_is_refused() {
    let directory = TestDirectory::new(&[("go.mod", "")]);
    let path = directory.path().join(FILE_NAME);
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert!(Config::find(&directory.path()).is_err(), "a broken link is not an absent file");
    std::fs::remove_file(&path).unwrap();
    std::fs::File::create(&path).unwrap().set_len(crossdock_fs::TEXT_LIMIT + 1).unwrap();
    insta::assert_snapshot!(
        directory.masked(Config::find(&directory.path()).unwrap_err()),
        @"/p/crossdock.toml cannot be read; split it with `include`"
    );
    std::fs::remove_file(&path).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    insta::assert_snapshot!(
        directory.masked(Config::find(&directory.path()).unwrap_err()),
        @"/p/crossdock.toml cannot be read; give the path of a regular file of the project"
    );
}

/// A large file takes seconds, on however few lines it is written: work in the square of its size takes many minutes.
#[test]
fn large_configurations_are_read_in_seconds() {
    let lines = |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<String>();
    let images = lines(3_000, |at| format!("[image.i{at}]\npath = \".\"\n"));
    let files = lines(20_000, |at| format!("{{ from = \"go.mod\", to = \"/srv/{at}\" }},\n"));
    let labels = lines(100_000, |at| format!("label{at} = \"x\", "));
    let wrong = lines(20_000, |at| format!("{{ from = \"absent\", to = \"{at}\" }}, "));
    let start = std::time::Instant::now();
    assert_eq!(Config::find(&go(&images).path()).unwrap().images.len(), 3_000);
    let config = Config::find(&go(&format!("[image.web]\nfiles = [\n{files}]\n")).path()).unwrap();
    assert_eq!(config.images[0].files.len(), 20_000);
    let config = Config::find(&go(&format!("[image.web]\nlabels = {{ {labels} }}\n")).path()).unwrap();
    assert_eq!(config.images[0].labels.len(), 100_000);
    let error = Config::find(&go(&format!("[image.web]\nfiles = [{wrong}]\n")).path()).unwrap_err();
    assert!(matches!(error, ConfigError::Invalid(problems) if problems.len() == 40_000));
    assert!(start.elapsed().as_secs() < 180, "{:?}", start.elapsed());
}

#[test]
fn included_files_are_joined_once() {
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
    let places = config.images.iter().map(|image| {
        let name = &image.deploy[0].source;
        let place = config.deploys["eks"].nodes_for(name)[0].source.to_string();
        place.split_once("/examples/").unwrap().1.to_owned()
    });
    assert_eq!(places.collect::<Vec<_>>(), ["a/crossdock.toml:2:10", "b/crossdock.toml:2:10"]);
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
fn the_configuration_is_looked_for_up_to_the_root_of_the_checkout() {
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
fn a_description_names_every_value_with_its_source() {
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

#[test]
fn dockerfile_keys_are_resolved_and_described() {
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
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| ["Dockerfile:", "stop-signal", "health"].iter().any(|key| line.contains(key)))
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
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

/// A key that the reference lacks is one that nobody finds.
#[test]
fn every_key_is_documented() {
    // Only code counts, not the words that explain it.
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
