//! Finding zig: in PATH, or in Python's `ziglang` package.

use camino::{Utf8Path, Utf8PathBuf};

use super::memory::Memory;
use super::{System, Tool, tools};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, Processes};

/// Prints the path of the program in the package: calling it directly saves Python's start for every compiled file.
const QUESTION: &str = "import importlib.util, os
spec = importlib.util.find_spec('ziglang')
print(os.path.join(os.path.dirname(spec.origin), 'zig') if spec and spec.origin else '')";

/// zig.
pub(crate) fn find(processes: &Processes, system: &System) -> Availability<Tool> {
    let environment = processes.environment();
    let in_path = || {
        let path = tools::in_path(environment, "zig")?;
        Some(Tool { version: version(processes, &path), command: vec![path.into_string()] })
    };
    match in_path().or_else(|| in_python(processes)) {
        Some(tool) => Availability::Available(tool),
        None => Availability::Unavailable(Unavailable {
            why: "`zig` is neither in PATH nor in Python's package `ziglang`".to_owned(),
            ..tools::absent("zig", system)
        }),
    }
}

/// `zig version`: an input of the digest wherever zig compiles something.
fn version(processes: &Processes, zig: &Utf8Path) -> Option<String> {
    let command = Command::new(zig.as_str(), processes.environment().directory.clone()).args(["version"]);
    processes.stdout(&command).ok().map(|text| text.trim().to_owned())
}

fn in_python(processes: &Processes) -> Option<Tool> {
    let environment = processes.environment();
    let python = ["python3", "python"].iter().find_map(|name| tools::in_path(environment, name))?;
    // pyenv's `python3` is another Python by this variable.
    let question = format!("ziglang of {python}, pyenv {:?}", environment.get("PYENV_VERSION"));
    let memory = Memory::new(environment);
    if let Some(tool) = memory.recall(&question) {
        return Some(tool);
    }
    let zig = ask(processes, &python)?;
    let tool = Tool { version: version(processes, &zig), command: vec![zig.to_string()] };
    memory.keep(&question, &zig, &tool);
    Some(tool)
}

fn ask(processes: &Processes, python: &Utf8Path) -> Option<Utf8PathBuf> {
    let command =
        Command::new(python.as_str(), processes.environment().directory.clone()).args(["-c", QUESTION]);
    let path = Utf8PathBuf::from(processes.stdout(&command).ok()?.trim());
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
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
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
        let find = || find(&processes, &System::Other).available().and_then(|tool| tool.version.clone());
        let asked = || std::fs::read_to_string(path.join("log")).unwrap().lines().count();
        assert_eq!((find().as_deref(), find().as_deref(), asked()), (Some("0.17.0"), Some("0.17.0"), 1));
        program("package/zig", "#!/bin/sh\necho 0.18.0-dev\n");
        assert_eq!((find().as_deref(), asked()), (Some("0.18.0-dev"), 2));
        std::fs::remove_file(path.join("package/zig")).unwrap();
        assert_eq!((find(), asked()), (None, 3));
    }
}
