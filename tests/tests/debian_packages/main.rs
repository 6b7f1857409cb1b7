//! 100 packages of Debian on nine architectures: every program is verified in the root of its own package, and in roots that
//! certainly do not start it. Each architecture is one test; it downloads about 190 MB and keeps them.

mod archive;
mod loaders;
mod root;
mod scripts;
mod sweep;

use archive::Archive;
use scripts::Scripts;
use sweep::Sweep;

/// Debian's name of the architecture, and the platform.
const ARCHITECTURES: [(&str, &str); 9] = [
    ("amd64", "linux/amd64"),
    ("arm64", "linux/arm64"),
    ("armel", "linux/arm/v5"),
    ("armhf", "linux/arm/v7"),
    ("i386", "linux/386"),
    ("mips64el", "linux/mips64le"),
    ("mipsel", "linux/mipsle"),
    ("ppc64el", "linux/ppc64le"),
    ("s390x", "linux/s390x"),
];

/// The packages whose programs are verified.
fn packages() -> Vec<&'static str> {
    let packages: Vec<&str> =
        include_str!("packages.txt").lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(packages.len(), 100);
    packages
}

#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn verify_packages(architecture: &str) {
    let (_, platform) =
        ARCHITECTURES.iter().find(|(name, _)| *name == architecture).expect("a row of the table");
    let archive = Archive::download(env!("CARGO_TARGET_TMPDIR").as_ref(), architecture, &packages());
    let mut sweep = Sweep::new(platform);
    for package in packages() {
        sweep.package(&archive, package);
    }
    println!("{architecture}: {sweep}");
    sweep.assert_goals();
}

/// Their scripts are the same on each architecture.
#[test]
#[ignore = "long: downloads 100 packages"]
#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn long_scripts() {
    let archive = Archive::download(env!("CARGO_TARGET_TMPDIR").as_ref(), "amd64", &packages());
    let mut scripts = Scripts::default();
    for package in archive.names() {
        scripts.package(&archive, package);
    }
    println!("{scripts}");
    scripts.assert_goals();
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_amd64() {
    verify_packages("amd64");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_arm64() {
    verify_packages("arm64");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_armel() {
    verify_packages("armel");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_armhf() {
    verify_packages("armhf");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_i386() {
    verify_packages("i386");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_mips64el() {
    verify_packages("mips64el");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_mipsel() {
    verify_packages("mipsel");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_ppc64el() {
    verify_packages("ppc64el");
}

#[test]
#[ignore = "long: downloads 100 packages"]
fn long_s390x() {
    verify_packages("s390x");
}

#[test]
#[ignore = "long: downloads ten C libraries and emulates them, as root"]
fn long_loaders() {
    loaders::verify_loaders();
}
