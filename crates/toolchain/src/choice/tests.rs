//! Host × request → choice or refusal, as a person would read it.

use std::fmt::Write;

use camino::Utf8Path;
use crossdock_platform::Platform;

use super::*;
use crate::host::Host;
use crossdock_project::config::Source;
use crossdock_system::availability::Availability;

fn platform(text: &str) -> Platform {
    Platform::parse(text).unwrap()
}

fn host(toml: &str) -> Host {
    toml::from_str(toml).unwrap()
}

fn asked<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::CommandLine("--test".to_owned()))
}

/// The options of a test besides the platforms.
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
    let native_code = NativeCode::everywhere(vec![vec!["app".to_owned(), "cc".to_owned()]]);
    let routes: Vec<_> = asks.routes.into_iter().map(asked).collect();
    let request = RustRequest {
        directory: Utf8Path::new("/project"),
        platforms: &platforms,
        linkage: &linkage,
        libc: libc.as_ref(),
        float: None,
        native_code: asks.c.then_some(&native_code),
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
    go_linked(host, text, cgo, cgo_packages, (Linkage::Static, None))
}

fn go_linked(
    host: &Host,
    text: &str,
    cgo: Option<bool>,
    cgo_packages: &[&str],
    (linkage, libc): (Linkage, Option<Libc>),
) -> String {
    let platform = platform(text);
    let cgo = cgo.map(asked);
    let libc = libc.map(asked);
    let request = GoRequest {
        directory: Utf8Path::new("/project"),
        platform: &platform,
        cgo: cgo.as_ref(),
        cgo_packages: &cgo_packages.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        linkage: &asked(linkage),
        libc: libc.as_ref(),
        float: None,
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

fn refusal(text: &mut String, missing: &crossdock_system::availability::Unavailable) {
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
fn missing_targets_are_added_by_rustup() {
    let fresh = host("platform = \"linux/amd64\"\nsystem = \"debian\"\n[rust]\n[tools]\ncc = true\n");
    insta::assert_snapshot!(rust(&fresh, BOTH, Asks::default()));
    insta::assert_snapshot!(rust(&fresh, &["linux/amd64"], Asks::default()));
    insta::assert_snapshot!(rust(&fresh.without_rustup_server(), BOTH, Asks::default()));
}

#[test]
fn remedies_on_macos_name_no_debian_package() {
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
fn c_code_is_compiled_by_zig_or_the_native_musl_gcc() {
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
fn go_without_cgo_needs_only_go() {
    let windows = Host::hypothetical(&platform("windows/amd64"));
    insta::assert_snapshot!(go(&windows, "linux/arm/v6", None, &[]));
    insta::assert_snapshot!(go(&windows, "linux/amd64/v3", Some(false), &["example.com/sqlite"]));
}

#[test]
fn cgo_packages_require_an_explicit_choice() {
    insta::assert_snapshot!(go(&debian(), "linux/amd64", None, &["example.com/sqlite", "example.com/z"]));
}

#[test]
fn a_level_above_the_baseline_reaches_every_compiler() {
    let mut host = debian();
    let zig =
        crate::host::Tool { command: vec!["/opt/zig/zig".to_owned()], version: Some("0.17.0".to_owned()) };
    host.tools.insert("zig".to_owned(), Availability::Available(zig));
    insta::assert_snapshot!(rust(&host, &["linux/amd64/v3"], Asks { c: true, ..Asks::default() }));
}

#[test]
fn less_common_platforms_are_built_or_refused_with_a_reason() {
    let mut host = debian();
    let everything = ["zig", "arm-linux-gnueabihf-gcc", "riscv64-linux-gnu-gcc", "s390x-linux-gnu-gcc"];
    for name in everything {
        let tool = crate::host::Tool { command: vec![format!("/usr/bin/{name}")], version: None };
        host.tools.insert(name.to_owned(), Availability::Available(tool));
    }
    let platforms =
        ["arm/v7", "arm/v6", "arm/v5", "386", "riscv64", "ppc64le", "s390x", "loong64", "mips64le", "mips"];
    let platforms: Vec<String> = platforms.iter().map(|name| format!("linux/{name}")).collect();
    let mut text = String::new();
    for platform in &platforms {
        text += &rust(&host, &[platform], Asks::default());
    }
    insta::assert_snapshot!(text);
    for platform in &platforms {
        text += &rust(&with_std_everywhere(host.clone()), &[platform], Asks::default());
    }
    insta::assert_snapshot!(text);
}

/// As if rustup had added everything that it has.
fn with_std_everywhere(mut host: Host) -> Host {
    for toolchain in host.rust.values_mut() {
        if let Availability::Available(toolchain) = toolchain {
            let addable = std::mem::take(&mut toolchain.addable);
            toolchain.std.extend(addable);
        }
    }
    host
}

#[test]
fn configured_routes_serve_if_rustup_cannot() {
    let routes = || Asks { routes: vec![Route::Distribution, Route::BuildStd], ..Asks::default() };
    let file = r#"
platform = "linux/amd64"
system = "debian"
codename = "bookworm"
[rust]
addable = []
[distribution]
version = "1.96.0"
package = "rustc-web"
cargo = "/usr/bin/cargo"
rustc = "/usr/bin/rustc"
std = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
[tools]
cc = true
aarch64-linux-gnu-gcc = true
"#;
    let there = host(file);
    insta::assert_snapshot!(rust(&there, BOTH, routes()));
    let one_missing = host(
        &file.replace(", \"aarch64-unknown-linux-gnu\"", "").replace("aarch64-linux-gnu-gcc = true", ""),
    );
    insta::assert_snapshot!(rust(&one_missing, BOTH, routes()));
    let none = host(
        "platform = \"linux/arm64\"\nsystem = \"debian\"\ncodename = \"bookworm\"\n[rust]\naddable = []\n[tools]\ncc = true\n",
    );
    insta::assert_snapshot!(rust(&none, BOTH, routes()));
    insta::assert_snapshot!(rust(&none, BOTH, Asks::default()));
}

#[test]
fn std_is_built_from_source_if_configured() {
    let file = r#"
platform = "linux/amd64"
system = "fedora"
[rust]
addable = []
source = "/rust/lib/rustlib/src/rust/library"
[tools]
zig = "0.17.0"
"#;
    let routes = || Asks { routes: vec![Route::BuildStd], ..Asks::default() };
    insta::assert_snapshot!(rust(&host(file), &["linux/mips64le", "linux/arm64"], routes()));
    let without = host(&file.replace("source =", "release ="));
    insta::assert_snapshot!(rust(&without, &["linux/arm64"], routes()));
}

#[test]
fn the_projects_compiler_is_replaced_only_if_configured() {
    let file = "platform = \"linux/amd64\"\nsystem = \"debian\"\n[rust]\naddable = []\n[distribution]\nsource = \"/s\"\nstd = [\"aarch64-unknown-linux-gnu\"]\n[tools]\naarch64-linux-gnu-gcc = true\nzig = true\n";
    let text = rust(&host(file), &["linux/arm64"], Asks { routes: vec![Route::BuildStd], ..Asks::default() });
    assert!(!text.contains("the distribution's toolchain"), "{text}");
}

#[test]
fn hosts_without_a_toolchain_are_refused_with_remedies() {
    let mut text = String::new();
    for system in ["debian", "fedora", "alpine", "arch", "macos", "windows", "other"] {
        let bare = host(&format!("platform = \"linux/amd64\"\nsystem = \"{system}\"\n"));
        text += &format!(
            "{system}\n{}{}",
            rust(&bare, &["linux/amd64"], Asks::default()),
            go(&bare, "linux/amd64", None, &[])
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn dynamic_programs_are_linked_by_the_cross_gcc_or_zig_with_an_old_glibc() {
    let mut host = with_std_everywhere(debian());
    let dynamic = || Asks { dynamic: true, c: true, ..Asks::default() };
    let zig =
        crate::host::Tool { command: vec!["/opt/zig/zig".to_owned()], version: Some("0.17.0".to_owned()) };
    host.tools.insert("zig".to_owned(), Availability::Available(zig));
    insta::assert_snapshot!(rust(&host, &["linux/arm64"], dynamic()));
    let gcc = crate::host::Tool { command: vec!["/usr/bin/aarch64-linux-gnu-gcc".to_owned()], version: None };
    host.tools.insert("aarch64-linux-gnu-gcc".to_owned(), Availability::Available(gcc));
    insta::assert_snapshot!(rust(&host, &["linux/arm64"], dynamic()));
}

#[test]
fn cgo_is_linked_by_zig_or_the_gcc_of_the_target() {
    let mut host = debian();
    insta::assert_snapshot!(go(&host, "linux/arm64", Some(true), &[]));
    let gcc = crate::host::Tool { command: vec!["/usr/bin/aarch64-linux-gnu-gcc".to_owned()], version: None };
    host.tools.insert("aarch64-linux-gnu-gcc".to_owned(), Availability::Available(gcc));
    insta::assert_snapshot!(go(&host, "linux/arm64", Some(true), &[]));
    let zig =
        crate::host::Tool { command: vec!["/opt/zig/zig".to_owned()], version: Some("0.17.0".to_owned()) };
    host.tools.insert("zig".to_owned(), Availability::Available(zig));
    insta::assert_snapshot!(go(&host, "linux/arm64", Some(true), &[]));
}

#[test]
fn cgo_links_the_requested_c_library_or_is_refused() {
    let mut host = debian();
    let zig =
        crate::host::Tool { command: vec!["/opt/zig/zig".to_owned()], version: Some("0.17.0".to_owned()) };
    host.tools.insert("zig".to_owned(), Availability::Available(zig));
    let go =
        |host: &Host, linkage, libc| go_linked(host, "linux/arm64", Some(true), &[], (linkage, Some(libc)));
    let without_gcc = go(&host, Linkage::Static, Libc::GNU);
    assert!(without_gcc.contains("cannot be built") && !without_gcc.contains("zig"), "{without_gcc}");
    let gcc = crate::host::Tool { command: vec!["/usr/bin/aarch64-linux-gnu-gcc".to_owned()], version: None };
    host.tools.insert("aarch64-linux-gnu-gcc".to_owned(), Availability::Available(gcc));
    let mut text = go(&host, Linkage::Static, Libc::GNU);
    text.push_str(&go(&host, Linkage::Dynamic, Libc::GNU));
    text.push_str(&go(&host, Linkage::Static, Libc::Musl));
    text.push_str(&go(&host, Linkage::Dynamic, Libc::Musl));
    insta::assert_snapshot!(text);
}

#[test]
fn other_systems_use_their_own_triples() {
    let mac = with_std_everywhere(Host::hypothetical(&platform("darwin/arm64")));
    insta::assert_snapshot!(rust(&mac, &["darwin/arm64", "darwin/amd64", "windows/amd64"], Asks::default()));
}

#[test]
fn c_compilers_remap_the_path_of_the_project() {
    let mut environment = BTreeMap::new();
    environment.insert("CC_x86_64_unknown_linux_musl".to_owned(), "zig".to_owned());
    environment.insert("CFLAGS_x86_64_unknown_linux_musl".to_owned(), "-O2".to_owned());
    let mut choice = RustChoice {
        platform: platform("linux/amd64"),
        triple: "x86_64-unknown-linux-musl".to_owned(),
        origin: ToolchainOrigin::Project,
        cargo: "cargo".into(),
        release: String::new(),
        cargo_arguments: Vec::new(),
        environment,
        rustflags: Vec::new(),
        wrappers: Vec::new(),
        tools: Vec::new(),
        libc: None,
        why: String::new(),
    };
    let mut plain = choice.clone();
    plain.remap_c([(Utf8Path::new("/home/me/project"), "/src")]);
    assert_eq!(
        plain.environment["CFLAGS_x86_64_unknown_linux_musl"],
        "-O2 -ffile-prefix-map=/home/me/project=/src"
    );
    assert_eq!(
        plain.environment["CXXFLAGS_x86_64_unknown_linux_musl"],
        "-ffile-prefix-map=/home/me/project=/src"
    );
    assert!(!plain.environment.contains_key("CC_SHELL_ESCAPED_FLAGS"));
    choice.remap_c([(Utf8Path::new("/home/me/my project"), "/src")]);
    assert_eq!(
        choice.environment["CFLAGS_x86_64_unknown_linux_musl"],
        "-O2 '-ffile-prefix-map=/home/me/my project=/src'"
    );
    assert_eq!(choice.environment["CC_SHELL_ESCAPED_FLAGS"], "1");
}

/// A host whose own toolchain and whose distribution's each have one standard library.
fn split(own: &str, packaged: &str) -> Host {
    let file = r#"
platform = "linux/amd64"
system = "debian"
[rust]
addable = []
std = ["OWN"]
[distribution]
version = "1.96.0"
package = "rustc-web"
std = ["PACKAGED"]
[tools]
cc = true
zig = true
aarch64-linux-gnu-gcc = true
"#;
    host(&file.replace("OWN", own).replace("PACKAGED", packaged))
}

#[test]
fn a_mix_of_toolchains_is_explained() {
    let host = split("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl");
    let text = rust(&host, BOTH, Asks { routes: vec![Route::Distribution], ..Asks::default() });
    assert!(
        text.contains("x86_64-unknown-linux-musl") && text.contains("aarch64-unknown-linux-musl"),
        "{text}"
    );
    assert_eq!(text.matches("no single toolchain builds all platforms").count(), 2, "{text}");
}

/// An image had musl for one platform and glibc for the other, because of what was installed that day.
#[test]
fn platforms_of_an_image_have_one_c_library() {
    for (own, packaged) in [
        ("x86_64-unknown-linux-musl", "aarch64-unknown-linux-gnu"),
        ("aarch64-unknown-linux-musl", "x86_64-unknown-linux-gnu"),
    ] {
        let routes = vec![Route::Distribution, Route::BuildStd];
        let text = rust(&split(own, packaged), BOTH, Asks { routes, ..Asks::default() });
        assert_eq!(text.matches("cannot be built").count(), 1, "{text}");
    }
}

#[test]
fn what_is_installed_does_not_decide_the_c_library() {
    let with = |std: &str, c: bool| {
        let file = format!(
            "platform = \"linux/amd64\"\nsystem = \"debian\"\n[rust]\nstd = [{std}]\n[tools]\ncc = true\naarch64-linux-gnu-gcc = true\n"
        );
        let gnu = Asks { libc: Some(Libc::GNU), c, ..Asks::default() };
        let host = host(&file);
        (rust(&host, BOTH, Asks { c, ..Asks::default() }), rust(&host, BOTH, gnu))
    };
    let (musl, gnu) = (
        r#""x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl""#,
        r#""x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu""#,
    );
    assert_eq!(with(&format!("{musl}, {gnu}"), false).0, with(musl, false).0);
    let (open, decided) = with(gnu, false);
    insta::assert_snapshot!(open);
    assert_eq!(decided.matches("  why: ").count(), 2, "{decided}");
    // zig compiles C for musl, and the installed gcc for glibc.
    let (open, decided) = with(&format!("{musl}, {gnu}"), true);
    assert!(
        open.contains("`zig` is not installed; `libc = \"gnu\"` links") && !open.contains("  why: "),
        "{open}"
    );
    assert_eq!(decided.matches("  why: ").count(), 2, "{decided}");
}

#[test]
fn the_gnu_c_library_is_suggested_only_if_it_can_be_linked() {
    let fresh = host("platform = \"linux/amd64\"\nsystem = \"debian\"\n[rust]\n[tools]\ncc = true\n");
    let suggested =
        |platforms: &[&str], asks: Asks| rust(&fresh, platforms, asks).contains("`libc = \"gnu\"`");
    assert!(suggested(BOTH, Asks::default()));
    // The packaged gcc links no program for ARMv6.
    assert!(!suggested(&["linux/amd64", "linux/arm/v6"], Asks::default()));
    assert!(!suggested(BOTH, Asks { libc: Some(Libc::Musl), ..Asks::default() }));
    assert!(!suggested(BOTH, Asks { dynamic: true, ..Asks::default() }));
}
