//! Tools in PATH, and zig, which may also be a package of Python.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{BuildTarget, Libc, Linkage, known_platforms};

use super::answer_cache::AnswerCache;
use super::{System, Tool, remedies};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Command, Processes};

/// Tools whose name does not depend on the target.
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

/// Returns the names of all tools that a plan may need, including the compilers and emulators of every known platform.
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

/// Returns the path of a program in PATH.
pub(crate) fn in_path(environment: &Environment, name: &str) -> Option<Utf8PathBuf> {
    let found = which::which_in(name, environment.path(), &environment.directory).ok()?;
    Utf8PathBuf::from_path_buf(found).ok()
}

/// Returns a program in PATH, or the commands that install it.
pub fn find_tool(name: &str, environment: &Environment, system: &System) -> Availability<Tool> {
    match in_path(environment, name) {
        Some(path) => Availability::Available(Tool { command: vec![path.into_string()], version: None }),
        None => Availability::Unavailable(absent(name, system)),
    }
}

/// Looks for programs in PATH. An absent one has the commands that install it.
pub(crate) fn look_for<'a>(
    environment: &Environment,
    system: &System,
    names: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, Availability<Tool>> {
    names.into_iter().map(|name| (name.to_owned(), find_tool(name, environment, system))).collect()
}

/// Marks cross compilers without their C library as unavailable. The library is a package of its own, which the
/// compiler's package only recommends, so each compiler is asked for the first file that it would link.
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
        // gcc prints the name unchanged if it does not find the file.
        if processes.stdout(&ask).is_ok_and(|answer| answer.trim() == "crt1.o") {
            *found = Availability::Unavailable(Unavailable {
                why: format!("`{name}` is in PATH, but the C library that it links is not installed"),
                remedies: remedies::install(name, system),
            });
        }
    }
}

/// Returns the absence of a program in PATH, with the commands that install it.
pub(crate) fn absent(name: &str, system: &System) -> Unavailable {
    Unavailable { why: format!("`{name}` is not in PATH"), remedies: remedies::install(name, system) }
}

/// Returns a path if it is a file.
pub(crate) fn existing(path: impl AsRef<Utf8Path>) -> Option<Utf8PathBuf> {
    path.as_ref().is_file().then(|| path.as_ref().to_owned())
}

/// Prints the path of the program in the package: calling it directly saves the start of Python for every compiled
/// file.
const QUESTION: &str = "import importlib.util, os
spec = importlib.util.find_spec('ziglang')
print(os.path.join(os.path.dirname(spec.origin), 'zig') if spec and spec.origin else '')";

/// Finds zig in PATH, or in Python's package `ziglang`.
pub(crate) fn zig(processes: &Processes, system: &System) -> Availability<Tool> {
    let environment = processes.environment();
    let in_path = || {
        let path = in_path(environment, "zig")?;
        Some(Tool { version: zig_version(processes, &path), command: vec![path.into_string()] })
    };
    match in_path().or_else(|| in_python(processes)) {
        Some(tool) => Availability::Available(tool),
        None => Availability::Unavailable(Unavailable {
            why: "`zig` is neither in PATH nor in Python's package `ziglang`".to_owned(),
            ..absent("zig", system)
        }),
    }
}

/// Returns the output of `zig version`, an input of the digest of every image for which zig compiles.
fn zig_version(processes: &Processes, zig: &Utf8Path) -> Option<String> {
    let command = Command::new(zig.as_str(), processes.environment().directory.clone()).args(["version"]);
    processes.stdout(&command).ok().map(|text| text.trim().to_owned())
}

fn in_python(processes: &Processes) -> Option<Tool> {
    let environment = processes.environment();
    let python = ["python3", "python"].iter().find_map(|name| in_path(environment, name))?;
    // pyenv's `python3` is a shim that selects a Python by this variable.
    let question = format!("ziglang of {python}, pyenv {:?}", environment.get("PYENV_VERSION"));
    let cache = AnswerCache::new(environment);
    if let Some(tool) = cache.get(&question) {
        return Some(tool);
    }
    let zig = ask_python(processes, &python)?;
    let tool = Tool { version: zig_version(processes, &zig), command: vec![zig.to_string()] };
    cache.put(&question, &zig, &tool);
    Some(tool)
}

fn ask_python(processes: &Processes, python: &Utf8Path) -> Option<Utf8PathBuf> {
    let command =
        Command::new(python.as_str(), processes.environment().directory.clone()).args(["-c", QUESTION]);
    let path = Utf8PathBuf::from(processes.stdout(&command).ok()?.trim());
    // The script prints the name without the extension that the program has on Windows.
    [path.clone(), path.with_extension("exe")].into_iter().find(|path| path.is_file())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crossdock_system::environment::Environment;
    use crossdock_system::process::Cancel;

    #[test]
    fn python_is_asked_again_only_when_zig_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        let program = |name: &str, script: &str| {
            crossdock_fs::write_atomically(path.join(name), script.as_bytes()).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(path.join(name), mode).unwrap();
        };
        program("python3", &format!("#!/bin/sh\necho asked >> {path}/log\necho {path}/package/zig\n"));
        std::fs::create_dir(path.join("package")).unwrap();
        program("package/zig", "#!/bin/sh\necho 0.17.0\n");
        let environment = Environment::new(path)
            .with_variable("PATH", format!("{path}:/bin"))
            .with_variable("CROSSDOCK_CACHE_DIR", format!("{path}/cache"));
        let processes = Processes::new(environment.into(), Cancel::default());
        let find = || zig(&processes, &System::Other).available().and_then(|tool| tool.version.clone());
        let asked = || std::fs::read_to_string(path.join("log")).unwrap().lines().count();
        assert_eq!((find().as_deref(), find().as_deref(), asked()), (Some("0.17.0"), Some("0.17.0"), 1));
        program("package/zig", "#!/bin/sh\necho 0.18.0-dev\n");
        assert_eq!((find().as_deref(), asked()), (Some("0.18.0-dev"), 2));
        std::fs::remove_file(path.join("package/zig")).unwrap();
        assert_eq!((find(), asked()), (None, 3));
    }
}
