//! Finding zig: in PATH, or in Python's `ziglang` package.

use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::{System, Tool, tools};
use crate::availability::{Availability, Unavailable};
use crate::process::{Command, Processes};

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
    let cache = environment.cache_directory().map(|cache| cache.join("host/ziglang.json"));
    let question = Question { python, pyenv: environment.get("PYENV_VERSION").map(str::to_owned) };
    if let Some(tool) = cache.as_deref().and_then(|cache| remembered(cache, &question)) {
        return Some(tool);
    }
    let zig = ask(processes, &question.python)?;
    let tool = Tool { version: version(processes, &zig), command: vec![zig.to_string()] };
    let answer = stamp(&zig).map(|stamp| Remembered { question, zig, version: tool.version.clone(), stamp });
    if let Some((cache, answer)) = cache.zip(answer) {
        remember(&cache, &answer);
    }
    Some(tool)
}

fn ask(processes: &Processes, python: &Utf8Path) -> Option<Utf8PathBuf> {
    let command =
        Command::new(python.as_str(), processes.environment().directory.clone()).args(["-c", QUESTION]);
    let path = Utf8PathBuf::from(processes.stdout(&command).ok()?.trim());
    [path.clone(), path.with_extension("exe")].into_iter().find(|path| path.is_file())
}

/// An answer of Python's, which takes 100 ms and more. It holds while the program that it names is the same file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    question: Question,
    zig: Utf8PathBuf,
    version: Option<String>,
    stamp: Stamp,
}

/// Who was asked: pyenv's `python3` is another Python by this variable.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    python: Utf8PathBuf,
    pyenv: Option<String>,
}

/// Length in bytes and time of modification in nanoseconds since the Unix epoch.
type Stamp = (u64, u128);

fn stamp(zig: &Utf8Path) -> Option<Stamp> {
    let metadata = zig.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_nanos()))
}

fn remembered(cache: &Utf8Path, question: &Question) -> Option<Tool> {
    let known: Remembered = serde_json::from_slice(&std::fs::read(cache).ok()?).ok()?;
    let holds = known.question == *question && stamp(&known.zig) == Some(known.stamp);
    holds.then(|| Tool { command: vec![known.zig.into_string()], version: known.version })
}

/// Without a cache that can be written the question is asked again: nothing is lost.
fn remember(cache: &Utf8Path, answer: &Remembered) {
    let folder = cache.parent().unwrap_or(cache);
    if std::fs::create_dir_all(folder).is_ok()
        && let Ok(bytes) = serde_json::to_vec(answer)
    {
        let _not_needed = crossdock_oci::write_atomically(cache, &bytes);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::process::Cancel;

    #[test]
    fn python_is_asked_again_only_when_zig_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        let program = |name: &str, script: &str| {
            crossdock_oci::write_atomically(path.join(name), script.as_bytes()).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(path.join(name), mode).unwrap();
        };
        program("python3", &format!("#!/bin/sh\necho asked >> {path}/log\necho {path}/package/zig\n"));
        std::fs::create_dir(path.join("package")).unwrap();
        program("package/zig", "#!/bin/sh\necho 0.17.0\n");
        let variables = [("PATH", format!("{path}:/bin")), ("CROSSDOCK_CACHE_DIR", format!("{path}/cache"))];
        let environment = Environment {
            variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
            directory: path.to_owned(),
            ..Environment::default()
        };
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
