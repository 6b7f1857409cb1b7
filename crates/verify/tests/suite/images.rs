//! Verifies images: real programs with real loaders and libraries, in roots assembled here.

use std::collections::BTreeMap;

use crate::host::host_file;
use crate::support::{Recipe, damage, summary};
use crossdock_platform::Platform;
use crossdock_verify::{
    Entry, EntryKind, Expectation, Finding, ImageFacts, MemoryRoot, Node, PlatformText, Target, Tristate,
    Verdict, verify_elsewhere, verify_image, verify_index, verify_others,
};

/// An image that starts `/app` as user 65532 on linux/amd64.
fn image() -> ImageFacts {
    ImageFacts::default()
        .with_index_platform(PlatformText::new("linux", "amd64", None))
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["/app"])
        .with_user("65532")
}

fn starting(entrypoint: &[&str]) -> ImageFacts {
    image().with_entrypoint(entrypoint.iter().copied())
}

fn verify(image: &ImageFacts, root: &MemoryRoot) -> Vec<Finding> {
    verify_for("linux/amd64", image, root)
}

fn verify_for(platform: &str, image: &ImageFacts, root: &MemoryRoot) -> Vec<Finding> {
    let target = Target::new(&Platform::parse(platform).expect("a platform"));
    verify_image(image, root, &target, &BTreeMap::new())
}

#[track_caller]
fn expect(findings: &[Finding], verdict: Verdict, codes: &str) {
    let (found, found_verdict) = summary(findings);
    assert_eq!((found.as_str(), found_verdict), (codes, verdict), "{findings:#?}");
}

#[track_caller]
fn fails(findings: &[Finding], codes: &str) {
    expect(findings, Verdict::Fails, codes);
}

#[track_caller]
fn starts(findings: &[Finding], codes: &str) {
    expect(findings, Verdict::Starts, codes);
}

fn go() -> Vec<u8> {
    Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go").make()
}

fn dynamic() -> Vec<u8> {
    Recipe::parse("gcc @main.c").make()
}

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const LIBC: &str = "/lib/x86_64-linux-gnu/libc.so.6";

/// A root with glibc's loader and C library, both real, at Debian's paths.
fn glibc() -> MemoryRoot {
    MemoryRoot::new().file(LOADER, 0o755, host_file(LOADER)).file(LIBC, 0o755, host_file(LIBC))
}

#[test]
fn a_static_program_starts_on_scratch() {
    starts(&verify(&image(), &MemoryRoot::new().file("/app", 0o755, go())), "");
}

#[test]
fn a_dynamic_program_needs_its_loader_and_libraries() {
    let app = dynamic();
    let with = |root: MemoryRoot| root.file("/app", 0o755, app.clone());
    starts(&verify(&image(), &with(glibc())), "");
    fails(&verify(&image(), &with(MemoryRoot::new())), "interpreter-missing");
    fails(
        &verify(&image(), &with(glibc().file(LOADER, 0o644, host_file(LOADER)))),
        "interpreter-not-executable",
    );
    fails(&verify(&image(), &with(glibc().file(LOADER, 0o755, ""))), "interpreter-wrong");
    let half = host_file(LOADER)[..100_000].to_vec();
    fails(&verify(&image(), &with(glibc().file(LOADER, 0o755, half))), "interpreter-wrong");
    let only_loader = MemoryRoot::new().file(LOADER, 0o755, host_file(LOADER));
    fails(&verify(&image(), &with(only_loader)), "library-missing");
    fails(&verify(&image(), &with(glibc().file(LIBC, 0o755, ""))), "library-wrong");
    fails(&verify(&image(), &with(glibc().file(LIBC, 0o755, &host_file(LIBC)[..99_999]))), "library-wrong");
}

#[test]
fn links_decide_where_the_loader_is() {
    let app = dynamic();
    let merged = |link: &str| {
        MemoryRoot::new()
            .link("/lib64", link)
            .link("/lib", "usr/lib")
            .file("/usr/lib64/ld-linux-x86-64.so.2", 0o755, host_file(LOADER))
            .file("/usr/lib/x86_64-linux-gnu/libc.so.6", 0o755, host_file(LIBC))
            .file("/app", 0o755, app.clone())
    };
    starts(&verify(&image(), &merged("usr/lib64")), "");
    fails(&verify(&image(), &merged("usr/lib32")), "interpreter-missing");
    // A layer that replaces the base's link /lib64 by a directory hides the loader.
    fails(&verify(&image(), &merged("usr/lib64").directory("/lib64", 0o755)), "interpreter-missing");
}

#[test]
fn a_version_that_the_library_does_not_define_is_named() {
    let newer = damage(dynamic(), "replace GLIBC_2.34 GLIBC_2.99");
    let findings = verify(&image(), &glibc().file("/app", 0o755, newer));
    fails(&findings, "symbol-version-missing");
    assert!(
        findings[0].message.contains("version `GLIBC_2.99' not found (required by /app)"),
        "{findings:?}"
    );
}

#[test]
fn loader_and_c_library_must_be_of_one_build() {
    let libc = host_file(LIBC);
    let banner = String::from_utf8_lossy(&libc);
    let at = banner.find("stable release version 2.").expect("glibc has its banner");
    let version: String = banner[at + 23..].chars().take_while(|letter| !letter.is_whitespace()).collect();
    let other = version.replace('2', "3");
    let libc = damage(libc, &format!("replace {version} {other}"));
    let root = glibc().file(LIBC, 0o755, libc).file("/app", 0o755, dynamic());
    fails(&verify(&image(), &root), "loader-library-pair");
}

#[test]
fn a_library_is_found_the_way_the_loader_finds_it() {
    let library = Recipe::parse("gcc -shared -fPIC -Wl,-soname,libanswer.so @library.c").make();
    let linked = |flags: &str| {
        let library = Recipe::parse("gcc -shared -fPIC -Wl,-soname,libanswer.so @library.c").path();
        Recipe::parse(&format!("gcc @main.c -Wl,--no-as-needed {} {flags}", library.display())).make()
    };
    let plain = linked("");
    let at = |path: &str, app: &[u8]| glibc().file(path, 0o644, library.clone()).file("/app", 0o755, app);
    fails(&verify(&image(), &at("/opt/libanswer.so", &plain)), "library-missing");
    starts(&verify(&image(), &at("/usr/lib/libanswer.so", &plain)), "");
    // Debian's loader does not search /lib64.
    fails(&verify(&image(), &at("/lib64/libanswer.so", &plain)), "library-missing");
    let path = image().with_env(["LD_LIBRARY_PATH=/other:/opt"]);
    starts(&verify(&path, &at("/opt/libanswer.so", &plain)), "");
    // An empty element is the working directory, as a relative one is below it. An empty list has no directory.
    for (path, has_it) in
        [("LD_LIBRARY_PATH=/x:", true), ("LD_LIBRARY_PATH=.", true), ("LD_LIBRARY_PATH=", false)]
    {
        let image = image().with_env([path]).with_working_directory("/opt");
        let findings = verify(&image, &at("/opt/libanswer.so", &plain));
        if has_it {
            starts(&findings, "")
        } else {
            fails(&findings, "library-missing")
        }
        fails(&verify(&image, &at("/libanswer.so", &plain)), "library-missing");
    }
    let relative = linked("-Wl,-rpath,lib:");
    let working = image().with_working_directory("/srv");
    starts(&verify(&working, &at("/srv/lib/libanswer.so", &relative)), "");
    starts(&verify(&working, &at("/srv/libanswer.so", &relative)), "");
    fails(&verify(&working, &at("/other/libanswer.so", &relative)), "library-missing");
    let origin = linked("-Wl,-rpath,$ORIGIN/lib");
    starts(&verify(&image(), &at("/lib/libanswer.so", &origin)), "");
    let origin = linked("-Wl,-rpath,$ORIGIN/own -Wl,--disable-new-dtags");
    starts(&verify(&image(), &at("/own/libanswer.so", &origin)), "");
    // Debian's loader replaces $LIB by its multiarch directory.
    let lib = linked("-Wl,-rpath,/opt/$LIB");
    starts(&verify(&image(), &at("/opt/lib/x86_64-linux-gnu/libanswer.so", &lib)), "");
    fails(&verify(&image(), &at("/opt/lib64/libanswer.so", &lib)), "library-missing");
    // A library's own name may hold the path next to the program at which it is found.
    let beside = Recipe::parse("gcc -shared -fPIC -Wl,-soname,$ORIGIN/own/libanswer.so @library.c").path();
    let beside = Recipe::parse(&format!("gcc @main.c -Wl,--no-as-needed {}", beside.display())).make();
    starts(&verify(&image(), &at("/own/libanswer.so", &beside)), "");
    fails(&verify(&image(), &at("/usr/lib/libanswer.so", &beside)), "library-missing");
    // Only processors of level v3 use this directory.
    let hwcaps = at("/usr/lib/glibc-hwcaps/x86-64-v3/libanswer.so", &plain);
    fails(&verify(&image(), &hwcaps), "library-missing");
    starts(&verify_for("linux/amd64/v3", &image(), &hwcaps), "");
}

#[test]
fn musl_reads_its_list_of_directories_next_to_the_directory_of_its_loader() {
    const MUSL: &str = "/opt/musl/lib/ld-musl-x86_64.so.1";
    let library = || Recipe::parse("musl-gcc -shared -fPIC -Wl,-soname,libanswer.so @library.c");
    let flags = format!("-Wl,--no-as-needed {} -Wl,-dynamic-linker,{MUSL}", library().path().display());
    let app = Recipe::parse(&format!("musl-gcc @main.c {flags}")).make();
    let with_list = |list: &str| {
        MemoryRoot::new()
            .file(MUSL, 0o755, host_file("/lib/ld-musl-x86_64.so.1"))
            .file(list, 0o644, "/own\n")
            .file("/own/libanswer.so", 0o644, library().make())
            .file("/app", 0o755, app.clone())
    };
    starts(&verify(&image(), &with_list("/opt/musl/etc/ld-musl-x86_64.path")), "");
    fails(&verify(&image(), &with_list("/etc/ld-musl-x86_64.path")), "library-missing");
}

/// The kernel opens a relative name of a loader or of a script's interpreter from the working directory.
#[test]
fn a_relative_interpreter_is_looked_up_in_the_working_directory() {
    let script = MemoryRoot::new().file("/bin/run", 0o755, go()).file("/app", 0o755, "#!run\n");
    starts(&verify(&image().with_working_directory("/bin"), &script), "script-entry-point");
    fails(&verify(&image(), &script), "script-interpreter-missing");
    let app = Recipe::parse("gcc @main.c -Wl,-dynamic-linker,lib64/ld-linux-x86-64.so.2").make();
    let dynamic = glibc().file("/app", 0o755, app);
    starts(&verify(&image(), &dynamic), "");
    fails(&verify(&image().with_working_directory("/bin"), &dynamic), "interpreter-missing");
}

#[test]
fn a_symbol_that_no_library_has_is_named() {
    let library = |compiler: &str, source: &str| {
        Recipe::parse(&format!("{compiler} -shared -fPIC -Wl,-soname,libanswer.so {source}"))
    };
    let caller = |compiler: &str, flags: &str| {
        let path = library(compiler, "@library.c").path();
        Recipe::parse(&format!("{compiler} @caller.c {} {flags}", path.display())).make()
    };
    let found = |root: MemoryRoot, app: Vec<u8>, library: Recipe| {
        verify(&image(), &root.file("/usr/lib/libanswer.so", 0o644, library.make()).file("/app", 0o755, app))
    };
    let (right, wrong) = ("@library.c", "@other_library.c");
    let now = caller("gcc", "-Wl,-z,now");
    starts(&found(glibc(), now.clone(), library("gcc", right)), "");
    let findings = found(glibc(), now, library("gcc", wrong));
    fails(&findings, "symbol-missing");
    assert!(findings[0].message.contains("undefined symbol: answer"), "{findings:?}");
    // A function that is bound at its first call stops the program only then.
    let later = caller("gcc", "-Wl,-z,lazy");
    expect(&found(glibc(), later.clone(), library("gcc", wrong)), Verdict::Unproven, "function-missing");
    let image = image().with_env(["LD_BIND_NOW=1"]);
    let root =
        glibc().file("/usr/lib/libanswer.so", 0o644, library("gcc", wrong).make()).file("/app", 0o755, later);
    fails(&verify(&image, &root), "symbol-missing");
    // musl's loader binds everything at once.
    let musl =
        || MemoryRoot::new().file("/lib/ld-musl-x86_64.so.1", 0o755, host_file("/lib/ld-musl-x86_64.so.1"));
    let app = caller("musl-gcc", "");
    starts(&found(musl(), app.clone(), library("musl-gcc", right)), "");
    fails(&found(musl(), app, library("musl-gcc", wrong)), "symbol-missing");
}

#[test]
fn a_library_of_another_machine_is_skipped() {
    let other = host_file("/usr/aarch64-linux-gnu/lib/libc.so.6");
    let findings = verify(&image(), &glibc().file(LIBC, 0o755, other.clone()).file("/app", 0o755, dynamic()));
    fails(&findings, "library-missing");
    assert!(findings[0].message.contains("libc.so.6 is for arm64"), "{findings:?}");
    let root = MemoryRoot::new().file(LOADER, 0o755, other).file("/app", 0o755, dynamic());
    assert!(summary(&verify(&image(), &root)).0.contains("interpreter-wrong"));
}

#[test]
fn an_arm64_program_finds_its_libraries() {
    let directory = "/usr/aarch64-linux-gnu/lib";
    let app = Recipe::parse("aarch64-linux-gnu-gcc @main.c").make();
    let root = MemoryRoot::new()
        .file("/lib/ld-linux-aarch64.so.1", 0o755, host_file(&format!("{directory}/ld-linux-aarch64.so.1")))
        .file("/lib/libc.so.6", 0o755, host_file(&format!("{directory}/libc.so.6")))
        .file("/app", 0o755, app);
    let arm64 = PlatformText::new("linux", "arm64", Some("v8"));
    let image =
        image().with_index_platform(PlatformText::new("linux", "arm64", None)).with_config_platform(arm64);
    starts(&verify_for("linux/arm64", &image, &root), "");
}

#[test]
fn musl_has_its_own_rules() {
    const MUSL: &str = "/lib/ld-musl-x86_64.so.1";
    let app = Recipe::parse("musl-gcc @main.c").make();
    let musl = MemoryRoot::new().file(MUSL, 0o755, host_file(MUSL));
    starts(&verify(&image(), &musl.clone().file("/app", 0o755, app.clone())), "");
    let findings = verify(&image(), &glibc().file("/app", 0o755, app));
    fails(&findings, "interpreter-missing");
    assert!(
        findings[0].message.contains("The image has /lib64/ld-linux-x86-64.so.2 instead"),
        "{findings:?}"
    );
    fails(&verify(&image(), &musl.file("/app", 0o755, dynamic())), "interpreter-missing");
}

#[test]
fn scripts_need_their_interpreter() {
    let with = |script: &str| MemoryRoot::new().file("/bin/sh", 0o755, go()).file("/app", 0o755, script);
    starts(&verify(&image(), &with("#!/bin/sh\necho hello\n")), "");
    fails(&verify(&image(), &with("#!/bin/bash\n")), "script-interpreter-missing");
    fails(&verify(&image(), &with("#!/bin/sh\r\n")), "script-carriage-return");
    fails(&verify(&image(), &with("#!\n")), "script-line-broken");
    fails(&verify(&image(), &with("echo hello\n")), "text-without-interpreter");
    fails(&verify(&image(), &with("\u{feff}#!/bin/sh\n")), "byte-order-mark");
    fails(&verify(&image(), &with("#!/app\n")), "script-entry-point script-line-broken");
    let env = |script: &str| with(script).file("/usr/bin/env", 0o755, go());
    fails(&verify(&image(), &env("#!/usr/bin/env python3\n")), "script-command-missing script-entry-point");
    starts(
        &verify(&image(), &env("#!/usr/bin/env python3\n").file("/usr/bin/python3", 0o755, go())),
        "script-entry-point",
    );
    // A command with a slash is not searched on PATH.
    let python = |line: &str| env(line).file("/opt/python3", 0o755, go()).file("/srv/python3", 0o644, go());
    for line in ["/opt/python3", "-S /opt/python3 -u", "--split-string=/opt/python3 -u", "opt/python3"] {
        starts(&verify(&image(), &python(&format!("#!/usr/bin/env {line}\n"))), "script-entry-point");
    }
    let findings = verify(&image(), &python("#!/usr/bin/env -S /usr/bin/python3 -u\n"));
    fails(&findings, "script-command-missing script-entry-point");
    assert!(findings.iter().any(|finding| finding.message.contains("/usr/bin/python3 does not exist")));
    fails(&verify(&image(), &python("#!/usr/bin/env /srv/python3\n")), "not-executable script-entry-point");
    let arm64 = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go").make();
    let foreign = with("#!/bin/sh\n").file("/bin/sh", 0o755, arm64);
    fails(&verify(&image(), &foreign), "foreign-userland wrong-machine");
}

/// Each of these lines was executed: `sh`, `env` and Python fail at the carriage return, `env -S`, Perl and Ruby do
/// not.
#[test]
fn the_effect_of_a_carriage_return_depends_on_its_place() {
    let with = |script: &str| {
        ["/bin/sh", "/usr/bin/env", "/usr/bin/python3", "/usr/bin/perl", "/usr/bin/ruby"]
            .iter()
            .fold(MemoryRoot::new(), |root, path| root.file(path, 0o755, go()))
            .file("/app", 0o755, script)
    };
    let cases = [
        ("#!/bin/sh\r\n", "the kernel looks for \"/bin/sh\\r\""),
        ("#!/bin/sh -e\r\n", "/bin/sh gets the argument \"-e\\r\""),
        ("#!/bin/sh \r\n", "/bin/sh gets the argument \"\\r\""),
        ("#!/usr/bin/perl \r\n", "/usr/bin/perl gets the argument \"\\r\""),
        ("#!/usr/bin/env python3\r\n", "env looks for \"python3\\r\""),
    ];
    for (script, why) in cases {
        let findings = verify(&image(), &with(script));
        fails(&findings, "script-carriage-return");
        assert!(findings[0].message.contains(why), "{findings:?}");
    }
    for line in
        ["/usr/bin/env -S python3", "/usr/bin/env -S python3 -u", "/usr/bin/perl -w", "/usr/bin/ruby -w"]
    {
        starts(&verify(&image(), &with(&format!("#!{line}\r\n"))), "script-entry-point");
    }
}

#[test]
fn the_entry_point_must_exist() {
    let root = || MemoryRoot::new().file("/app", 0o755, go()).file("/srv/tool", 0o755, go());
    fails(&verify(&starting(&[]), &root()), "no-entry-point");
    fails(&verify(&starting(&["/other"]), &root()), "entry-point-missing");
    fails(&verify(&starting(&["/app --flag"]), &root()), "entry-point-command-line");
    fails(&verify(&starting(&["app"]), &root()), "entry-point-not-on-path");
    fails(&verify(&starting(&["/srv"]), &root()), "entry-point-not-a-file");
    fails(&verify(&starting(&["/app/x"]), &root()), "entry-point-missing");
    fails(&verify(&starting(&["/bin/sh", "-c", "/app"]), &root()), "shell-missing");
    fails(&verify(&starting(&["./tool"]), &root()), "entry-point-missing");
    let in_srv = starting(&["./tool"]).with_working_directory("/srv");
    starts(&verify(&in_srv, &root()), "");
    let bare = starting(&["tool"]).with_working_directory("/srv");
    fails(&verify(&bare, &root()), "entry-point-not-on-path");
    let path = starting(&["tool"]).with_env(["PATH=/srv"]);
    starts(&verify(&path, &root()), "");
    let command = starting(&[]).with_cmd(["/app"]);
    starts(&verify(&command, &root()), "");
}

#[test]
fn the_user_must_exist_and_may_execute() {
    let as_user = |user: &str| image().with_user(user);
    let root = |mode: u32| {
        MemoryRoot::new()
            .file("/etc/passwd", 0o644, "root:x:0:0::/:\nweb:x:1000:1000::/:\n")
            .file("/etc/group", 0o644, "root:x:0:\nwww:x:33:web\n")
            .file("/app", mode, go())
    };
    let owned = |uid: u32, gid: u32, mode: u32| {
        let entry = Entry { kind: EntryKind::File, mode, uid, gid, size: 0 };
        root(0).put("/app", entry, go())
    };
    fails(&verify(&as_user("65532"), &root(0o644)), "not-executable");
    fails(&verify(&as_user("0"), &root(0o644)), "not-executable");
    fails(&verify(&as_user("65532"), &root(0o700)), "not-executable");
    starts(&verify(&as_user("0"), &root(0o700)), "");
    starts(&verify(&as_user(""), &root(0o700)), "");
    starts(&verify(&as_user("1000"), &owned(1000, 0, 0o700)), "");
    starts(&verify(&as_user("1000"), &owned(0, 33, 0o710)), "");
    fails(&verify(&as_user("1000"), &owned(1000, 1000, 0o077)), "not-executable");
    fails(&verify(&as_user("nobody"), &root(0o755)), "user-not-numeric user-unknown");
    starts(&verify(&as_user("web"), &root(0o755)), "user-not-numeric");
    fails(&verify(&as_user("1000:nogroup"), &root(0o755)), "user-unknown");
    starts(&verify(&as_user("1000:www"), &root(0o755)), "");
    // A number is a number even if it is also somebody's name.
    let misleading = |file: &str, line: &str| owned(1000, 33, 0o710).file(file, 0o644, line);
    starts(&verify(&as_user("1000"), &misleading("/etc/passwd", "1000:x:5:5::/:\n")), "");
    starts(&verify(&as_user("7:33"), &misleading("/etc/group", "33:x:5:\n")), "");
    let private = MemoryRoot::new().directory("/srv", 0o700).file("/srv/app", 0o755, go());
    fails(&verify(&starting(&["/srv/app"]), &private), "not-executable");
    let on_path = starting(&["app"]).with_env(["PATH=/srv"]);
    fails(&verify(&on_path, &private), "entry-point-not-on-path");
}

/// Root searches every directory, whatever its mode. Another user needs the execute bit of each on the way to the
/// program and to its loader.
#[test]
fn directories_are_closed_to_all_but_root() {
    let closed = |mode: u32| {
        MemoryRoot::new()
            .directory("/srv", mode)
            .directory("/loaders", mode)
            .link(LOADER, "/loaders/ld.so")
            .file("/loaders/ld.so", 0o755, host_file(LOADER))
            .file(LIBC, 0o755, host_file(LIBC))
            .file("/srv/app", 0o755, dynamic())
    };
    let as_user = |user: &str, word: &str| starting(&[word]).with_user(user).with_env(["PATH=/srv"]);
    for mode in [0o000, 0o600, 0o700] {
        starts(&verify(&as_user("0", "/srv/app"), &closed(mode)), "");
        starts(&verify(&as_user("", "app"), &closed(mode)), "");
        fails(
            &verify(&as_user("65532", "/srv/app"), &closed(mode)),
            "interpreter-not-executable not-executable",
        );
        fails(&verify(&as_user("65532", "app"), &closed(mode)), "entry-point-not-on-path");
    }
    starts(&verify(&as_user("65532", "app"), &closed(0o711)), "");
}

/// An over-long file is not read, and no claim about its content is made.
#[test]
fn an_over_long_passwd_file_is_unproven() {
    let lines = "x:x:1:1::/:\n".repeat(1 << 19) + "web:x:1000:1000::/:\n";
    let root = MemoryRoot::new().file("/etc/passwd", 0o644, lines).file("/app", 0o755, go());
    let image = image().with_user("web");
    expect(&verify(&image, &root), Verdict::Unproven, "unreadable user-not-numeric");
}

#[test]
fn capabilities_beyond_the_container_are_refused() {
    let carrying = |low: u32| {
        let value: Vec<u8> =
            [0x0200_0001, low, 0, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
        MemoryRoot::new().file("/app", 0o755, go()).with_attribute("/app", "security.capability", value)
    };
    let findings = verify(&image(), &carrying(1 << 12));
    fails(&findings, "file-capabilities");
    assert!(findings[0].message.contains("cap_net_admin"), "{findings:?}");
    starts(&verify(&image(), &carrying(1 << 10)), "");
    // The kernel ignores the capabilities of a script and takes those of its interpreter.
    let script = |root: MemoryRoot| root.file("/app", 0o755, "#!/bin/run\n").file("/bin/run", 0o755, go());
    starts(&verify(&image(), &script(carrying(1 << 12))), "script-entry-point");
    let value: Vec<u8> =
        [0x0200_0001, 1 << 12, 0, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    let interpreter = script(MemoryRoot::new()).with_attribute("/bin/run", "security.capability", value);
    fails(&verify(&image(), &interpreter), "file-capabilities script-entry-point");
}

#[test]
fn low_ports_are_for_root() {
    let root = MemoryRoot::new().file("/app", 0o755, go());
    let exposing = |port: &str, user: &str| image().with_exposed_ports([port]).with_user(user);
    starts(&verify(&exposing("80/tcp", "65532"), &root), "privileged-port");
    starts(&verify(&exposing("80", "0"), &root), "");
    starts(&verify(&exposing("8080/tcp", "65532"), &root), "");
}

#[test]
fn index_configuration_and_program_must_agree() {
    let root = MemoryRoot::new().file("/app", 0o755, go());
    let says = |index: &str, config: &str| {
        let text = |name: &str| {
            let mut parts = name.split('/');
            let os = parts.next().unwrap_or_default();
            PlatformText::new(os, parts.next().unwrap_or_default(), parts.next())
        };
        image().with_index_platform(text(index)).with_config_platform(text(config))
    };
    starts(&verify(&says("linux/amd64/v1", "linux/amd64"), &root), "");
    starts(&verify(&says("linux/amd64", "linux/x86_64"), &root), "unusual-platform-name");
    fails(&verify(&says("linux/arm64", "linux/amd64"), &root), "index-platform-mismatch");
    fails(
        &verify(&says("linux/amd64", "linux/arm64"), &root),
        "config-platform-mismatch index-platform-mismatch",
    );
    fails(&verify(&says("linux/amd64/v3", "linux/amd64/v3"), &root), "config-platform-mismatch");
    starts(&verify_for("linux/amd64/v3", &says("linux/amd64", "linux/amd64"), &root), "");
    fails(&verify_for("linux/arm64", &says("linux/arm64", "linux/arm64"), &root), "wrong-machine");
    fails(&verify(&says("windows/amd64", "windows/amd64"), &root), "config-platform-mismatch");
    let twice = ["amd64", "arm64", "x86_64"].map(|name| PlatformText::new("linux", name, None));
    starts(&verify_index(&twice), "duplicate-platform");
}

#[test]
fn planned_programs_are_verified_at_any_path() {
    let target = Target::new(&Platform::LINUX_AMD64);
    let planned: BTreeMap<String, Expectation> = ["/app", "/usr/bin/tool"]
        .map(|path| (path.to_owned(), Expectation::new(Platform::LINUX_AMD64)))
        .into_iter()
        .collect();
    let arm64 = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go").make();
    let root = MemoryRoot::new().file("/app", 0o755, go());
    fails(&verify_image(&image(), &root, &target, &planned), "entry-point-missing");
    let root = root.file("/usr/bin/tool", 0o755, arm64);
    let findings = verify_image(&image(), &root, &target, &planned);
    fails(&findings, "wrong-machine");
    assert_eq!(findings[0].path, "/usr/bin/tool");
}

#[test]
fn nodes_without_32_bit_mode_refuse_32_bit_programs() {
    let arm = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=arm go").make();
    let root = MemoryRoot::new().file("/app", 0o755, arm);
    let text = PlatformText::new("linux", "arm", Some("v7"));
    let image = image().with_index_platform(text.clone()).with_config_platform(text);
    let on = |runs_32_bit: Tristate| {
        let node = Node::default().with_32_bit_mode(runs_32_bit);
        verify_image(&image, &root, &Target::new(&Platform::LINUX_ARM64).on(node), &BTreeMap::new())
    };
    fails(&on(Tristate::No), "no-32-bit-mode");
    starts(&on(Tristate::Yes), "compatibility-mode");
    expect(&on(Tristate::Unknown), Verdict::Unproven, "compatibility-mode-unknown");
}

#[test]
fn segments_must_fit_the_pages() {
    let with = |flags: &str| {
        let app =
            Recipe::parse(&format!("aarch64-linux-gnu-gcc -static -Wl,-z,max-page-size={flags} @main.c"))
                .make();
        MemoryRoot::new().file("/app", 0o755, app)
    };
    let text = PlatformText::new("linux", "arm64", None);
    let image = image().with_index_platform(text.clone()).with_config_platform(text);
    let on = |root: &MemoryRoot, page_sizes: &[u32]| {
        let node = Node::default().with_page_sizes(page_sizes.iter().copied());
        verify_image(&image, root, &Target::new(&Platform::LINUX_ARM64).on(node), &BTreeMap::new())
    };
    fails(&on(&with("4096"), &[65536]), "page-size");
    starts(&on(&with("4096"), &[4096, 16384]), "page-size-risk");
    starts(&on(&with("4096"), &[4096]), "");
    starts(&on(&with("65536"), &[4096, 65536]), "");
}

#[test]
fn other_files_of_the_image_are_verified_by_their_kind() {
    let arm64 = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go").make();
    let root = glibc()
        .file("/usr/bin/foreign", 0o755, arm64)
        .file("/usr/bin/dynamic", 0o755, dynamic())
        .file("/usr/bin/bash-script", 0o755, "#!/bin/bash\n")
        .file("/usr/share/data", 0o755, "just a text\n")
        .file("/lib/arm64.so", 0o755, host_file("/usr/aarch64-linux-gnu/lib/libc.so.6"));
    let target = Target::new(&Platform::LINUX_AMD64);
    let other = |path: &str| verify_others([path.to_owned()], &image(), &root, &target);
    fails(&other("/usr/bin/foreign"), "wrong-machine");
    starts(&other("/usr/bin/dynamic"), "");
    fails(&other("/usr/bin/bash-script"), "script-interpreter-missing");
    starts(&other("/usr/share/data"), "");
    starts(&other(LIBC), "");
    starts(&other(LOADER), "");
    // One finding is about all that are more than a thousand, and has the gravest of their codes.
    let many = vec!["/usr/bin/bash-script".to_owned(); 1003];
    let found = verify_others(many, &image(), &root, &target);
    assert_eq!(found.len(), 1001);
    fails(&found[1000..], "script-interpreter-missing");
    assert!(found[1000].message.starts_with("3 more executable files have findings"), "{:?}", found[1000]);
    let libc_of_arm = other("/lib/arm64.so");
    assert!(summary(&libc_of_arm).0.contains("wrong-machine"), "{libc_of_arm:?}");
}

/// Documentation examples, test programs and programs for other machines stop nobody.
#[test]
fn executable_files_outside_of_path_give_notes() {
    let arm64 = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go").make();
    let root = glibc()
        .file("/usr/share/doc/tool/examples/foreign", 0o755, arm64)
        .file("/usr/share/doc/tool/examples/script", 0o755, "#!/usr/bin/absent\n")
        .file("/usr/share/data", 0o755, "just a text\n")
        .file("/opt/tool/dynamic", 0o755, dynamic());
    let target = Target::new(&Platform::LINUX_AMD64);
    let elsewhere = |path: &str| verify_elsewhere([path.to_owned()], &image(), &root, &target);
    for (path, why) in [("foreign", "wrong-machine"), ("script", "script-interpreter-missing")] {
        let found = elsewhere(&format!("/usr/share/doc/tool/examples/{path}"));
        starts(&found, "not-on-path");
        assert!(found[0].message.contains(why), "{found:?}");
    }
    starts(&elsewhere("/usr/share/data"), "");
    starts(&elsewhere("/opt/tool/dynamic"), "");
    // A note for each of ten thousand files would hide everything else.
    let many = vec!["/usr/share/doc/tool/examples/script".to_owned(); 130];
    let found = verify_elsewhere(many, &image(), &root, &target);
    assert_eq!(found.len(), 101);
    assert!(found[100].message.starts_with("30 more"), "{:?}", found[100]);
}

#[test]
fn the_search_path_is_that_of_the_container() {
    let image = ImageFacts::default().with_working_directory("/srv");
    assert_eq!(image.search_path()[0], "/usr/local/sbin");
    let image = image.with_env(["PATH=/opt/bin:/bin"]);
    assert_eq!(image.search_path(), ["/opt/bin", "/bin"]);
}
