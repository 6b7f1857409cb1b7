//! A job of a pipeline on this machine: a clone of its own, a directory for temporary files, and variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_tests::outcome::run;
use crossdock_tests::{Outcome, Sandbox};

/// The depth of a clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    Full,
    One,
}

/// A job that runs.
pub(super) struct Job<'a> {
    sandbox: &'a Sandbox,
    /// The clone.
    pub(super) clone: PathBuf,
    /// A directory outside of the clone, empty at first.
    pub(super) temporary: PathBuf,
    variables: BTreeMap<String, String>,
}

impl<'a> Job<'a> {
    /// Begins a job in a directory of its own.
    pub(super) fn new(sandbox: &'a Sandbox, directory: &Path, variables: BTreeMap<String, String>) -> Self {
        let (clone, temporary) = (directory.join("clone"), directory.join("temporary"));
        for directory in [&clone, &temporary, &directory.join("home")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        let mut job = Self { sandbox, clone, temporary, variables };
        job.set("HOME", directory.join("home").display().to_string());
        job
    }

    /// Sets a variable for later commands.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Clones the project.
    pub(super) fn check_out(&self, project: &Path, depth: Depth) {
        let from = format!("file://{}", project.display());
        let depth: &[&str] = if depth == Depth::One { &["--depth", "1"] } else { &[] };
        let arguments = [&["clone", "--quiet"], depth, &[from.as_str(), "."]].concat();
        self.sandbox.tool(&self.clone, "git", &arguments).success();
    }

    /// Runs a script in the clone, with a shell that ends at the first command that fails.
    pub(super) fn run(&self, shell: &str, script: &str) -> Outcome {
        let path = self.temporary.join("script");
        std::fs::write(&path, script).unwrap();
        let mut command = self.sandbox.command(crossdock_tests::tools::need(shell), &self.clone);
        command.envs(&self.variables).arg("-e").arg(&path);
        let outcome = run(&mut command, Duration::from_secs(600));
        let status = self.sandbox.tool(&self.clone, "git", &["status", "--porcelain"]).success().stdout;
        assert!(
            status.is_empty() || status == "?? matrix.yml\n",
            "the clone became dirty by {script}: {status}"
        );
        outcome
    }
}
