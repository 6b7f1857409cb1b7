//! Host × request → choice or refusal, as a person would read it.

use std::fmt::Write;

use camino::Utf8Path;
use crossdock_platform::Platform;

use super::*;
use crate::availability::Availability;
use crate::config::Source;
use crate::host::Host;

fn platform(text: &str) -> Platform {
    Platform::parse(text).unwrap()
}

fn host(toml: &str) -> Host {
    toml::from_str(toml).unwrap()
}

fn asked<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::CommandLine("--test".to_owned()))
}

/// What a test asks for beside platforms.
#[derive(Default)]
struct Asks {
    dynamic: bool,
    libc: Option<Libc>,
    c: bool,
    routes: Vec<Route>,
}

fn rust(host: &Host, platforms: &[&str], asks: Asks) -> String {
    let platforms: Vec<Platform> = platforms.iter().map(|text| platform(text)).collect();
    let linkage = asked(if asks.dynamic { Linkage::Dynamic } else { Linkage::Static });
    let libc = asks.libc.map(asked);
    let native_code = if asks.c { vec![vec!["app".to_owned(), "cc".to_owned()]] } else { Vec::new() };
    let routes: Vec<_> = asks.routes.into_iter().map(asked).collect();
    let request = RustRequest {
        folder: Utf8Path::new("/project"),
        platforms: &platforms,
        linkage: &linkage,
        libc: libc.as_ref(),
        native_code: &native_code,
        routes: &routes,
    };
    let mut text = String::new();
    for (platform, choice) in platforms.iter().zip(choose_rust(&request, host, Utf8Path::new("/cache"))) {
        writeln!(text, "{platform}").unwrap();
        match choice {
            Availability::Unavailable(missing) => refusal(&mut text, &missing),
            Availability::Available(choice) => {
                writeln!(text, "  why: {}", choice.why).unwrap();
                let cargo = [
                    vec![choice.cargo.to_string()],
                    choice.cargo_arguments,
                    vec!["--target".to_owned(), choice.triple],
                ];
                writeln!(text, "  {}", cargo.concat().join(" ")).unwrap();
                writeln!(text, "  rustflags: {}", choice.rustflags.join(" ")).unwrap();
                variables(&mut text, &choice.environment);
            }
        }
    }
    text
}

fn go(host: &Host, text: &str, cgo: Option<bool>, cgo_packages: &[&str]) -> String {
    let platform = platform(text);
    let cgo = cgo.map(asked);
    let request = GoRequest {
        folder: Utf8Path::new("/project"),
        platform: &platform,
        cgo: cgo.as_ref(),
        cgo_packages: &cgo_packages.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        linkage: &asked(Linkage::Static),
    };
    let mut text = format!("{platform}\n");
    match choose_go(&request, host, Utf8Path::new("/cache")) {
        Availability::Unavailable(missing) => refusal(&mut text, &missing),
        Availability::Available(choice) => {
            writeln!(text, "  why: {}", choice.why).unwrap();
            writeln!(text, "  arguments: {:?} ldflags: {:?}", choice.arguments, choice.ldflags).unwrap();
            variables(&mut text, &choice.environment);
        }
    }
    text
}

fn refusal(text: &mut String, missing: &crate::availability::Unavailable) {
    writeln!(text, "  cannot be built: {}", missing.why).unwrap();
    for remedy in &missing.remedies {
        let commands: Vec<String> = remedy.commands.iter().map(ToString::to_string).collect();
        writeln!(text, "  {:?}: {}", remedy.scope, commands.join(" && ")).unwrap();
    }
}

fn variables(text: &mut String, variables: &BTreeMap<String, String>) {
    for (name, value) in variables {
        writeln!(text, "  {name}={value}").unwrap();
    }
}

/// A Debian machine with rustup and the musl targets of both platforms.
fn debian() -> Host {
    host(
        r#"
platform = "linux/amd64"
system = "debian"
codename = "bookworm"
root = true
[rust]
std = ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"]
[go]
[tools]
cc = true
"#,
    )
}

const BOTH: &[&str] = &["linux/amd64", "linux/arm64"];

#[test]
fn installed_musl_targets_need_nothing_but_rustc() {
    insta::assert_snapshot!(rust(&debian(), BOTH, Asks::default()));
}

#[test]
fn a_fresh_rustup_is_told_to_add_both_targets() {
    let fresh = host("platform = \"linux/amd64\"\nsystem = \"debian\"\n[rust]\n[tools]\ncc = true\n");
    insta::assert_snapshot!(rust(&fresh, BOTH, Asks::default()));
    insta::assert_snapshot!(rust(&fresh, &["linux/amd64"], Asks::default()));
    insta::assert_snapshot!(rust(&fresh.without_rustup_server(), BOTH, Asks::default()));
}

#[test]
fn an_apple_machine_hears_nothing_of_debian() {
    let mac = Host::hypothetical(&platform("darwin/arm64"));
    let plain = rust(&mac, BOTH, Asks::default());
    insta::assert_snapshot!(plain);
    let c = rust(&mac, BOTH, Asks { c: true, ..Asks::default() });
    insta::assert_snapshot!(c);
    let go = go(&mac, "linux/arm64", Some(true), &[]);
    insta::assert_snapshot!(go);
    for word in ["apt", "dpkg", "ebian"] {
        assert!(![&plain, &c, &go].iter().any(|text| text.contains(word)), "{word}");
    }
}

#[test]
fn c_code_is_compiled_by_zig_and_else_by_the_native_musl_gcc() {
    let c = || Asks { c: true, ..Asks::default() };
    insta::assert_snapshot!(rust(&debian(), BOTH, c()));
    let mut with_zig = debian();
    let zig =
        crate::host::Tool { command: vec!["/opt/it's zig".to_owned()], version: Some("0.17.0".to_owned()) };
    with_zig.tools.insert("zig".to_owned(), Availability::Available(zig));
    insta::assert_snapshot!(rust(&with_zig, &["linux/arm64"], c()));
    let mut with_gcc = debian();
    let gcc = crate::host::Tool { command: vec!["/usr/bin/musl-gcc".to_owned()], version: None };
    with_gcc.tools.insert("musl-gcc".to_owned(), Availability::Available(gcc));
    insta::assert_snapshot!(rust(&with_gcc, &["linux/amd64"], c()));
}

#[test]
fn go_needs_nothing_but_go() {
    let windows = Host::hypothetical(&platform("windows/amd64"));
    insta::assert_snapshot!(go(&windows, "linux/arm/v6", None, &[]));
    insta::assert_snapshot!(go(&windows, "linux/amd64/v3", Some(false), &["example.com/sqlite"]));
}

#[test]
fn go_packages_that_would_lose_their_c_code_make_the_user_decide() {
    insta::assert_snapshot!(go(&debian(), "linux/amd64", None, &["example.com/sqlite", "example.com/z"]));
}
