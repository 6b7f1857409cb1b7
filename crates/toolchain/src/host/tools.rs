//! Tools that are asked for by nothing but their presence in PATH.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{BuildTarget, Libc, Linkage, known_platforms};

use super::{System, Tool, remedies};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Command, Processes};

/// Tools that have the same name for every target.
const NAMES: &[&str] = &[
    "cc",
    "c++",
    "git",
    "docker",
    "podman",
    "musl-gcc",
    "cargo-zigbuild",
    "pkg-config",
    "cmake",
    "clang",
    "sudo",
];

/// The names of all tools that a plan may need: the compilers and emulators are those of the platforms known.
pub(crate) fn names() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    for platform in known_platforms() {
        for libc in [Libc::GNU, Libc::Musl] {
            let target = BuildTarget::new(platform.clone(), Linkage::Static).with_libc(libc).names();
            let gnu = target
                .gnu_prefix
                .iter()
                .flat_map(|prefix| ["gcc", "g++", "ar", "ranlib"].map(|tool| format!("{prefix}-{tool}")));
            names.extend(gnu.chain(target.gcc));
            names.extend(target.qemu_user.map(|qemu| format!("{qemu}-static")));
        }
    }
    names
}

/// The path of a program that PATH finds.
pub(crate) fn in_path(environment: &Environment, name: &str) -> Option<Utf8PathBuf> {
    let found = which::which_in(name, environment.path(), &environment.directory).ok()?;
    Utf8PathBuf::from_path_buf(found).ok()
}

/// Looks for programs in PATH; what is absent has what installs it.
pub(crate) fn look_for<'a>(
    environment: &Environment,
    system: &System,
    names: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, Availability<Tool>> {
    let found = |name: &str| match in_path(environment, name) {
        Some(path) => Availability::Available(Tool { command: vec![path.into_string()], version: None }),
        None => Availability::Unavailable(absent(name, system)),
    };
    names.into_iter().map(|name| (name.to_owned(), found(name))).collect()
}

/// A cross compiler's C library is a package of its own, which the compiler's only recommends: it is asked for the first
/// file that it would link.
pub(crate) fn ask_for_libc(
    processes: &Processes,
    system: &System,
    tools: &mut BTreeMap<String, Availability<Tool>>,
) {
    let is_cross = |name: &str| name.contains("-linux-gnu") && name.ends_with("-gcc");
    for (name, found) in tools.iter_mut().filter(|(name, _)| is_cross(name)) {
        let Availability::Available(Tool { command, .. }) = found else { continue };
        let [program] = command.as_slice() else { continue };
        let ask = Command::new(program, "/").args(["-print-file-name=crt1.o"]);
        // What it does not find, it prints as it was asked.
        if processes.stdout(&ask).is_ok_and(|answer| answer.trim() == "crt1.o") {
            *found = Availability::Unavailable(Unavailable {
                why: format!("`{name}` is in PATH, and the C library that it links is not installed"),
                remedies: remedies::install(name, system),
            });
        }
    }
}

/// The absence of a program in PATH.
pub(crate) fn absent(name: &str, system: &System) -> Unavailable {
    Unavailable { why: format!("`{name}` is not in PATH"), remedies: remedies::install(name, system) }
}

/// The path of a file that exists.
pub(crate) fn existing(path: impl AsRef<Utf8Path>) -> Option<Utf8PathBuf> {
    path.as_ref().is_file().then(|| path.as_ref().to_owned())
}
