//! Asks an engine for its versions and platforms, with a module for the answers of each engine.

mod buildx;
mod docker;
mod emulation;
mod podman;

use super::{Builder, Engine, is_older};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, Output, ProcessError, Processes};
use crossdock_toolchain::host::System;
use crossdock_toolchain::host::remedies;

/// Asks the engine of a builder for its versions and platforms, by running its client.
///
/// An engine that is missing, does not answer, or is too old is [`Availability::Unavailable`], with the reason and the
/// commands that help. Returns `None` for [`Builder::Embedded`], which is crossdock itself.
pub fn probe(builder: &Builder, processes: &Processes) -> Option<Availability<Engine>> {
    let client = Client { processes, system: &crossdock_toolchain::host::current_system() };
    let answer = match builder {
        Builder::Embedded => return None,
        Builder::Docker => docker::probe(&client),
        Builder::Podman => podman::probe(&client),
        Builder::Buildx(name) => buildx::probe(&client, name.as_deref()),
    };
    Some(answer.map_or_else(Availability::Unavailable, Availability::Available))
}

/// Runs the commands of an engine's client, and explains why they fail.
pub(super) struct Client<'a> {
    pub(super) processes: &'a Processes,
    system: &'a System,
}

impl Client<'_> {
    /// The words of a command are its program and its arguments.
    fn command(&self, words: &[&str]) -> Command {
        let directory = self.processes.environment().directory.clone();
        Command::new(words[0], directory).args(words[1..].iter().copied())
    }

    /// Returns the output of a command with any exit status. Its server must answer soon.
    pub(super) fn output(&self, words: &[&str]) -> Result<Output, Unavailable> {
        self.processes.ask(&self.command(words)).map_err(|error| self.not_started(words[0], &error))
    }

    /// Returns the standard output of a command that succeeded. Its standard error is the reason if it failed.
    pub(super) fn stdout(&self, words: &[&str]) -> Result<String, Unavailable> {
        let output = self.output(words)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(refusal(words[0], &String::from_utf8_lossy(&output.stderr)))
        }
    }

    pub(super) fn environment(&self, name: &str) -> Option<&str> {
        self.processes.environment().get(name)
    }

    fn not_started(&self, program: &str, error: &ProcessError) -> Unavailable {
        if error.is_not_installed() {
            let why = format!("{program} is not installed");
            Unavailable { why, remedies: remedies::install(program, self.system) }
        } else if let ProcessError::TimedOut { limit, .. } = error {
            Unavailable::because(format!(
                "{program}'s server did not answer within {} seconds; restart it, or name the right one (DOCKER_HOST, \
                 `docker context use`)",
                limit.as_secs()
            ))
        } else {
            Unavailable::because(error.to_string())
        }
    }
}

/// Explains why an engine did not answer, from the standard error of its client. The texts are those of docker 20.10 and
/// 28, and podman 4.3.
pub fn refusal(program: &str, stderr: &str) -> Unavailable {
    let text = stderr.trim().trim_start_matches("ERROR:").trim();
    let last = text.lines().last().unwrap_or("it gave no reason");
    let words = text.to_ascii_lowercase();
    if words.contains("permission denied") {
        // Whoever may use the engine is root on its machine. A person has to grant that, so it is not a remedy that
        // `--setup` could run.
        return Unavailable::because(format!(
            "{program} may not be used by this user: {last}; run as a user of the engine's group (`sudo usermod -aG \
             docker NAME` and a new login add one), or use podman, which needs none"
        ));
    }
    let not_running =
        ["cannot connect", "is the docker daemon running", "connection refused", "no such file"];
    if not_running.iter().any(|sign| words.contains(sign)) {
        return Unavailable::because(format!(
            "{program}'s server does not answer: {last}; start it (`systemctl start docker`, Docker Desktop, `podman \
             machine start`), or name the right one (DOCKER_HOST, `docker context use`)"
        ));
    }
    Unavailable::because(format!("{program} does not answer: {last}"))
}

/// Refuses a version that is older than the first one with everything that crossdock needs.
pub(super) fn at_least(what: &str, version: &str, first: [u32; 2]) -> Result<(), Unavailable> {
    if !is_older(version, first) {
        return Ok(());
    }
    let [major, minor] = first;
    let why = format!("{what} is {version}, which is too old: install {major}.{minor} or newer");
    Err(Unavailable::because(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_a_remedy() {
        let denied = "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://…\": dial unix /var/run/docker.sock: connect: permission denied";
        let away = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
        insta::assert_snapshot!(refusal("docker", denied), @r#"docker may not be used by this user: Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://…": dial unix /var/run/docker.sock: connect: permission denied; run as a user of the engine's group (`sudo usermod -aG docker NAME` and a new login add one), or use podman, which needs none"#);
        insta::assert_snapshot!(refusal("docker", away), @"docker's server does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?; start it (`systemctl start docker`, Docker Desktop, `podman machine start`), or name the right one (DOCKER_HOST, `docker context use`)");
        insta::assert_snapshot!(refusal("docker", ""), @"docker does not answer: it gave no reason");
    }
}
