//! The progress of `go build`.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use crossdock_project::GoPackage;
use crossdock_system::process::Command;

use crate::execute::lock;
use crate::execute::observer::ToolLine;

/// Returns a call of `go build` that prints the import path of each package that it begins to compile. This is presentation
/// only, and therefore not part of the plan: `-v` is neither in the identity of a package in Go's cache nor in a program.
pub(super) fn naming_packages(build: &Command) -> Command {
    let mut command = build.clone();
    // Flags come after `build` and before the packages.
    let place = command.arguments.len().min(1);
    command.arguments.insert(place, "-v".to_owned());
    command
}

/// Reads how far `go build -v` is.
pub(super) struct GoProgress<'a> {
    packages: HashMap<&'a str, &'a GoPackage>,
    /// The packages that are compiled or in work.
    reached: Mutex<HashSet<&'a str>>,
}

impl<'a> GoProgress<'a> {
    pub(super) fn new(packages: &'a [GoPackage]) -> Self {
        let by_path = packages.iter().map(|package| (&*package.path, package));
        Self { packages: by_path.collect(), reached: Mutex::default() }
    }

    /// Classifies a line of output.
    pub(super) fn read<'l>(&self, line: &'l str) -> ToolLine<'l> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        match self.packages.get(line) {
            Some(package) => {
                let (done, total) = (count(self.reach(package)), count(self.packages.len()));
                ToolLine::Progress { done, total, what: line.to_owned() }
            }
            None if line.starts_with("go: downloading ") || is_import_path(line) => ToolLine::Verbose(line),
            None => ToolLine::output(line),
        }
    }

    /// Adds a package that go begins to compile, and returns how many are compiled or in work. go does not name those that
    /// its cache has; what a package imports is complete before it begins.
    fn reach(&self, package: &'a GoPackage) -> usize {
        let mut reached = lock(&self.reached);
        reached.insert(&package.path);
        let mut pending = vec![package];
        while let Some(package) = pending.pop() {
            let imported = package.imports.iter().filter_map(|path| self.packages.get(&**path));
            pending.extend(imported.filter(|imported| reached.insert(&imported.path)));
        }
        reached.len()
    }
}

/// Returns whether a line can be an import path, of a package that only this platform or these build tags select. A message
/// of a compiler has a space or a colon.
fn is_import_path(line: &str) -> bool {
    let in_path = |c: char| c.is_alphanumeric() || "-._~/+!@".contains(c);
    !line.is_empty() && line.chars().all(in_path)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn package(path: &str, imports: &[&str]) -> GoPackage {
        GoPackage { path: path.into(), imports: imports.iter().map(|path| Arc::from(*path)).collect() }
    }

    #[test]
    fn a_package_counts_with_what_it_imports() {
        let packages = [
            package("internal/cpu", &[]),
            package("runtime", &["internal/cpu"]),
            package("net", &["runtime"]),
            package("os", &["runtime"]),
            package("m/app", &["net", "os", "C"]),
        ];
        let counted = |done, what: &str| ToolLine::Progress { done, total: 5, what: what.to_owned() };
        let cold = GoProgress::new(&packages);
        for (done, path) in [(1, "internal/cpu"), (2, "runtime"), (3, "os"), (4, "net"), (5, "m/app")] {
            assert_eq!(cold.read(path), counted(done, path));
        }
        let warm = GoProgress::new(&packages);
        assert_eq!(warm.read("os"), counted(3, "os"), "go did not name what it has");
        assert_eq!(warm.read("m/app"), counted(5, "m/app"));
    }

    #[test]
    fn messages_of_compilers_are_output() {
        let packages = [package("m/app", &[])];
        let progress = GoProgress::new(&packages);
        for verbose in
            ["golang.org/x/sys/unix", "example.com/a~b/v2", "go: downloading golang.org/x/net v0.1.0"]
        {
            assert_eq!(progress.read(verbose), ToolLine::Verbose(verbose));
        }
        for output in ["# m/app", "./main.go:3:2: undefined: x", "collect2: error: ld returned 1 exit status"]
        {
            assert_eq!(progress.read(output), ToolLine::output(output));
        }
    }

    #[test]
    fn the_flag_comes_before_the_packages() {
        let build = Command::new("go", "/m").args(["build", "-trimpath", "."]);
        assert_eq!(naming_packages(&build).arguments, ["build", "-v", "-trimpath", "."]);
    }
}
