//! Asks an engine what it is. Parsing its answers is pure and stands with each engine.

use super::{Builder, Engine, buildx, docker, podman};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, Output, ProcessError, Processes};
use crossdock_toolchain::host::System;
use crossdock_toolchain::host::remedies;

/// Asks the builder; a builder that gives no answer is unavailable, with the reason and what brings it.
///
/// `Builder::Embedded` is no engine and has nothing to say.
pub fn ask(builder: &Builder, processes: &Processes) -> Option<Availability<Engine>> {
    let asker = Asker { processes, system: &crossdock_toolchain::host::current_system() };
    let answer = match builder {
        Builder::Embedded => return None,
        Builder::Docker => docker::ask(&asker),
        Builder::Podman => podman::ask(&asker),
        Builder::Buildx(name) => buildx::ask(&asker, name.as_deref()),
    };
    Some(answer.map_or_else(Availability::Unavailable, Availability::Available))
}

/// Runs an engine's commands and says why they fail.
pub(super) struct Asker<'a> {
    pub(super) processes: &'a Processes,
    system: &'a System,
}

impl Asker<'_> {
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let (program, arguments) = words.split_first().unwrap_or((&"", &[]));
        Command::new(*program, self.processes.environment().directory.clone()).args(arguments.iter().copied())
    }

    /// What the command left, whatever its exit code; absent where the program is.
    pub(super) fn output(&self, words: &[&str]) -> Result<Output, Unavailable> {
        self.processes.output(&self.command(words)).map_err(|error| self.not_started(words[0], &error))
    }

    /// What the command said on standard output; its standard error as the reason when it failed.
    pub(super) fn said(&self, words: &[&str]) -> Result<String, Unavailable> {
        let output = self.output(words)?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(refusal(words[0], &String::from_utf8_lossy(&output.stderr))),
        }
    }

    pub(super) fn environment(&self, name: &str) -> Option<&str> {
        self.processes.environment().get(name)
    }

    fn not_started(&self, program: &str, error: &ProcessError) -> Unavailable {
        let is_missing = matches!(
            error,
            ProcessError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound
        );
        match is_missing {
            true => Unavailable {
                why: format!("{program} is not installed"),
                remedies: remedies::install(program, self.system),
            },
            false => Unavailable::because(error.to_string()),
        }
    }
}

/// Why an engine refused to answer, by what its client wrote: docker's and podman's words, tried with docker 20.10 and
/// 28, and podman 4.3.
pub(super) fn refusal(program: &str, stderr: &str) -> Unavailable {
    let said = stderr.trim().trim_start_matches("ERROR:").trim();
    let last = said.lines().last().unwrap_or("it gave no reason");
    let words = said.to_ascii_lowercase();
    if words.contains("permission denied") {
        // Who may use an engine is root on its machine: that is granted by a person, and never by `--setup`.
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

/// The numbers that a version begins with: `20.10.24+dfsg1` is 20, 10, 24.
pub(super) fn numbers(version: &str) -> Vec<u32> {
    let version = version.trim_start_matches('v');
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// Refuses what is older than the first version that can.
pub(super) fn at_least(what: &str, version: &str, first: [u32; 2]) -> Result<(), Unavailable> {
    let have = numbers(version);
    // Versions built from source call themselves 0.0.0: nothing is known of them.
    if have.iter().all(|number| *number == 0) || have.as_slice() >= first.as_slice() {
        return Ok(());
    }
    let [major, minor] = first;
    Err(Unavailable::because(format!("{what} is {version}, which is too old: take {major}.{minor} or newer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(numbers("20.10.24+dfsg1"), [20, 10, 24]);
        assert_eq!(numbers("v0.19.3-12-gabc"), [0, 19, 3]);
        assert!(at_least("docker", "20.10.24+dfsg1", [20, 10]).is_ok());
        assert!(at_least("docker", "9.9", [20, 10]).is_err());
        assert!(at_least("docker", "19.03.5", [20, 10]).is_err());
        assert!(at_least("buildx", "v0.0.0+unknown", [0, 10]).is_ok());
    }

    #[test]
    fn refusals_say_what_to_do() {
        let denied = "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://…\": dial unix /var/run/docker.sock: connect: permission denied";
        let away = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
        insta::assert_snapshot!(refusal("docker", denied), @r#"docker may not be used by this user: Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://…": dial unix /var/run/docker.sock: connect: permission denied; run as a user of the engine's group (`sudo usermod -aG docker NAME` and a new login add one), or use podman, which needs none"#);
        insta::assert_snapshot!(refusal("docker", away), @"docker's server does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?; start it (`systemctl start docker`, Docker Desktop, `podman machine start`), or name the right one (DOCKER_HOST, `docker context use`)");
        insta::assert_snapshot!(refusal("docker", ""), @"docker does not answer: it gave no reason");
    }
}
