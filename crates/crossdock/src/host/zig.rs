//! Finding zig: in PATH, or in Python's `ziglang` package.

use camino::Utf8PathBuf;

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
    let found = tools::in_path(environment, "zig").or_else(|| {
        let python = ["python3", "python"].iter().find_map(|name| tools::in_path(environment, name))?;
        let command = Command::new(python, environment.directory.clone()).args(["-c", QUESTION]);
        let answer = processes.stdout(&command).ok()?;
        let path = Utf8PathBuf::from(answer.trim());
        [path.clone(), path.with_extension("exe")].into_iter().find(|path| path.is_file())
    });
    match found {
        Some(path) => Availability::Available(Tool {
            version: version(processes, &path),
            command: vec![path.into_string()],
        }),
        None => Availability::Unavailable(Unavailable {
            why: "`zig` is neither in PATH nor in Python's package `ziglang`".to_owned(),
            ..tools::absent("zig", system)
        }),
    }
}

/// `zig version`: an input of the digest wherever zig compiles something.
fn version(processes: &Processes, zig: &Utf8PathBuf) -> Option<String> {
    let command = Command::new(zig.as_str(), processes.environment().directory.clone()).args(["version"]);
    processes.stdout(&command).ok().map(|text| text.trim().to_owned())
}
