//! Compares the tables with the toolchains.
#![expect(clippy::disallowed_methods, reason = "these tests ask the real compilers")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crossdock_platform::{
    BuildTarget, CrtStatic, Endianness, Interpretation, Linkage, Platform, RustSpec, Vocabulary, interpret,
    known_platforms,
};

/// Returns the output of a tool. A missing tool fails the test with its name.
fn output(program: &str, arguments: &[&str], env: &BTreeMap<String, String>, directory: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).envs(env).current_dir(directory);
    let output = command.output().unwrap_or_else(|error| panic!("this test needs {program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} {env:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

fn print(program: &str, arguments: &[&str]) -> String {
    output(program, arguments, &BTreeMap::new(), Path::new(env!("CARGO_MANIFEST_DIR")))
}

#[test]
fn every_go_port_is_known_and_leads_back_to_itself() {
    let ports = print("go", &["tool", "dist", "list"]);
    assert!(ports.lines().count() > 40);
    for port in ports.lines() {
        let Interpretation::Exact(description) = interpret(port, Some(Vocabulary::GoDist)) else {
            panic!("{port}")
        };
        let go = BuildTarget::new(description.platform().expect(port), Linkage::Static).go().expect(port);
        assert_eq!(format!("{}/{}", go.goos, go.goarch), port);
    }
    for platform in known_platforms() {
        if let Ok(go) = BuildTarget::new(platform.clone(), Linkage::Dynamic).go() {
            let port = format!("{}/{}", go.goos, go.goarch);
            assert!(ports.lines().any(|line| line == port), "Go has no port {port} for {platform}");
        }
    }
}

#[test]
fn every_rustc_target_is_known_or_has_a_reason() {
    for triple in print("rustc", &["--print", "target-list"]).lines() {
        let Interpretation::Exact(description) = interpret(triple, Some(Vocabulary::RustTriple)) else {
            panic!("{triple}")
        };
        let has_reason = description.platform().is_some() || !description.notes.is_empty();
        assert!(has_reason, "{triple} has neither a platform nor a reason");
    }
}

/// The values of `rustc --print cfg`.
struct Cfg(String);

impl Cfg {
    fn of(triple: &str) -> Self {
        Self(print("rustc", &["--print", "cfg", "--target", triple]))
    }

    fn value(&self, name: &str) -> Option<&str> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("=\""))?;
        line.strip_suffix('"').filter(|value| !value.is_empty())
    }

    fn has_feature(&self, feature: &str) -> bool {
        self.0.lines().any(|line| line == format!("target_feature=\"{feature}\""))
    }
}

#[test]
fn the_configuration_that_rustc_prints_agrees_with_the_table() {
    let list = print("rustc", &["--print", "target-list"]);
    let triples: Vec<&str> = list.lines().collect();
    std::thread::scope(|scope| {
        for half in triples.chunks(triples.len().div_ceil(2)) {
            scope.spawn(move || half.iter().for_each(|triple| agrees(triple)));
        }
    });
}

fn agrees(triple: &str) {
    let (spec, cfg) = (RustSpec::find(triple).expect(triple), Cfg::of(triple));
    assert_eq!(cfg.value("target_pointer_width"), Some(spec.width.to_string().as_str()), "{triple}");
    let endian = if spec.endian == Endianness::Big { "big" } else { "little" };
    assert_eq!(cfg.value("target_endian"), Some(endian), "{triple}");
    assert_eq!(cfg.value("target_os"), Some(spec.os), "{triple}");
    assert_eq!(cfg.value("target_env"), spec.env, "{triple}");
    assert_eq!(cfg.value("target_abi"), spec.abi, "{triple}");
    assert_eq!(cfg.has_feature("crt-static"), spec.crt_static == CrtStatic::Default, "{triple}");
    let Some(platform) = spec.platform() else { return };
    assert_eq!(platform.architecture().pointer_width(), spec.width, "{triple}");
    assert_eq!(platform.architecture().endianness(), spec.endian, "{triple}");
    let Interpretation::Exact(os) = interpret(spec.os, Some(Vocabulary::RustCfgTargetOs)) else {
        panic!("{}", spec.os)
    };
    assert_eq!(os.os, Some(platform.os()), "{triple}");
}

/// The values of `e_machine` in the ELF gABI by GOARCH.
const MACHINES: &[(&str, u16)] = &[
    ("386", 3),
    ("amd64", 62),
    ("arm", 40),
    ("arm64", 183),
    ("loong64", 258),
    ("mips", 8),
    ("mipsle", 8),
    ("mips64", 8),
    ("mips64le", 8),
    ("ppc64", 21),
    ("ppc64le", 21),
    ("riscv64", 243),
    ("s390x", 22),
];

/// Returns the class in bits, the byte order and the machine of an ELF header.
fn header(elf: &[u8]) -> (u8, Endianness, u16) {
    assert_eq!(&elf[..4], b"\x7fELF");
    let machine = [elf[18], elf[19]];
    match elf[5] {
        1 => (elf[4] * 32, Endianness::Little, u16::from_le_bytes(machine)),
        _ => (elf[4] * 32, Endianness::Big, u16::from_be_bytes(machine)),
    }
}

#[test]
fn go_builds_the_planned_program_for_every_linux_port() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-ports");
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("go.mod"), "module tiny\n\ngo 1.21\n").expect("a file");
    std::fs::write(directory.join("main.go"), "package main\n\nfunc main() { println(\"up\") }\n")
        .expect("a file");
    let levels = ["linux/amd64/v3", "linux/arm64/v9", "linux/ppc64le/power9", "linux/riscv64/rva22u64"];
    let levels = levels.map(|text| Platform::parse(text).expect(text));
    let linux = known_platforms().filter(|platform| platform.os().as_str() == "linux");
    for platform in linux.chain(levels) {
        builds(&platform, &directory);
    }
}

fn builds(platform: &Platform, directory: &Path) {
    let target = BuildTarget::new(platform.clone(), Linkage::Static);
    let Ok(go) = target.go() else { panic!("{platform} has no Go port") };
    let mut env = go.env();
    env.insert("CGO_ENABLED".to_owned(), "0".to_owned());
    let name = platform.to_string().replace('/', "-");
    output("go", &["build", "-trimpath", "-o", &name, "."], &env, directory);
    let machine = MACHINES.iter().find(|(goarch, _)| *goarch == go.goarch).map(|(_, machine)| *machine);
    let elf = std::fs::read(directory.join(&name)).expect("a program");
    let planned = (target.pointer_width(), target.endianness(), machine.expect("a machine"));
    assert_eq!(header(&elf), planned, "{platform}");
    let information = output("go", &["version", "-m", &name], &BTreeMap::new(), directory);
    for (variable, value) in go.env() {
        assert!(
            information.contains(&format!("build\t{variable}={value}\n")),
            "{variable}={value}: {information}"
        );
    }
    std::fs::remove_file(directory.join(&name)).expect("a program");
}
