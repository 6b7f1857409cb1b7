//! Container engines owned by one test: each has its own storage, sockets and processes, which are removed with it.

mod base;
mod buildkit;
mod debian;
mod docker;
mod podman;
mod private;
mod project;

use std::process::Command;
use std::time::Duration;

pub use base::Base;
pub use buildkit::{BuildKit, builder, builder_in_a_container, install_buildx};
pub use debian::Debian;
pub use docker::{Docker, debian_docker};
pub use podman::Podman;
pub use private::{Secrets, TRACE};
pub use project::{GO_WORDS, RecordedGo, base_from, compiler_image, go_project, says_hello};

use crate::outcome::{Outcome, run};

/// The time limit for one command of an engine.
const LIMIT: Duration = Duration::from_secs(120);

/// A container engine with the command line that docker and podman share.
pub trait Engine {
    /// Returns the engine's command, set up to reach only this engine.
    fn command(&self) -> Command;

    /// Runs one command and waits for its end.
    fn run(&self, arguments: &[&str]) -> Outcome {
        run(self.command().args(arguments), LIMIT)
    }
}

/// A container, removed when it is dropped.
pub struct Container<'e> {
    engine: &'e dyn Engine,
    id: String,
}

impl<'e> Container<'e> {
    /// Starts a container of `image` in the background, on the host's network.
    pub fn start(engine: &'e dyn Engine, image: &str, env: &[(&str, &str)]) -> Self {
        let mut command = engine.command();
        command.args(["run", "--detach", "--network", "host"]);
        for (name, value) in env {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        let id = run(command.arg(image), LIMIT).success().stdout.trim().to_owned();
        Self { engine, id }
    }

    /// Returns the output of its program.
    pub fn logs(&self) -> String {
        let outcome = self.engine.run(&["logs", &self.id]);
        format!("{}{}", outcome.stdout, outcome.stderr)
    }

    /// Stops it as a kubelet does, and returns the program's exit code.
    pub fn stop(&self) -> String {
        self.engine.run(&["stop", "--time", "20", &self.id]).success();
        self.engine
            .run(&["inspect", "--format", "{{.State.ExitCode}}", &self.id])
            .success()
            .stdout
            .trim()
            .to_owned()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // A panic here would hide the failure that ended the test.
        let _outcome = self.engine.run(&["rm", "--force", &self.id]);
    }
}
