//! The protocol of `docker-credential-NAME` programs: <https://github.com/docker/docker-credential-helpers>.

use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;
use crossdock_system::process::{Command, Output, ProcessError, Processes};
use serde::{Deserialize, Serialize};

use super::file::of_user;
use super::{Credential, Secret};

/// Starts helpers.
#[derive(Clone)]
pub struct Helpers {
    processes: Processes,
    directory: Utf8PathBuf,
    limit: Duration,
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the environment of the processes, which may hold secrets.
        f.debug_struct("Helpers").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// Why a helper gave no answer. No message holds what the helper was told or answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HelperError {
    /// The program does not exist.
    #[error("`{0}` is not installed or not on the PATH")]
    Missing(String),
    /// The name holds a path.
    #[error("`{0}` is not the name of a credential helper")]
    Name(String),
    /// The program failed or answered nonsense.
    #[error("`{program}` {fault}")]
    Failed {
        /// The program.
        program: String,
        /// A phrase with a verb.
        fault: String,
    },
}

/// The time that a helper has. Those of clouds ask a server for a token, and `pass` asks a person for a passphrase.
const LIMIT: Duration = Duration::from_secs(60);

/// The words by which helpers say that they have no credentials for a registry, in lower case.
const NOT_FOUND: [&str; 7] = [
    // The protocol's own words: `credentials not found in native keychain`. Others shorten them.
    "credentials not found",
    // Helpers before 0.6 passed on the words of the keychain, which macOS changed in 10.15 (docker-credential-helpers #177),
    // and those of Windows.
    "could not be found in the keychain",
    "no stored credential",
    "element not found",
    "no credentials found",
    // The protocol's words for an entry that is incomplete.
    "no credentials server url",
    "no credentials username",
];

/// The JSON that a helper is told to store, and that it answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl Helpers {
    /// Starts helpers with the environment of `processes`, which also names the directories in which they are found.
    pub fn new(processes: Processes) -> Self {
        let directory = processes.environment().directory.clone();
        Self { processes, directory, limit: LIMIT }
    }

    /// Sets the time that a helper has; 60 seconds if unspecified.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Asks a helper for the credential for a server; anonymous if it has none.
    pub(super) fn get(&self, name: &str, server: &str) -> Result<Credential, HelperError> {
        let program = program(name)?;
        let output = self.call(&program, "get", server.as_bytes())?;
        if !output.status.success() {
            return if is_not_found(&output) {
                Ok(Credential::Anonymous)
            } else {
                Err(failed(program, &output))
            };
        }
        let answer = match output.stdout.trim_ascii_start().first() {
            // serde also reads a list of the fields.
            Some(b'{') => serde_json::from_slice(&output.stdout).ok(),
            _ => None,
        };
        let answer: Message = answer.ok_or_else(|| {
            // Not serde's message, which may quote the secret.
            HelperError::Failed {
                program,
                fault: "did not answer with the JSON object of a credential".to_owned(),
            }
        })?;
        match (answer.username.is_empty(), answer.secret.is_empty()) {
            // Some answer so if they have none.
            (true, true) => Ok(Credential::Anonymous),
            _ => Ok(of_user(answer.username, answer.secret)),
        }
    }

    /// Tells a helper to store a credential.
    pub(super) fn store(
        &self,
        name: &str,
        server: &str,
        username: &str,
        password: &Secret,
    ) -> Result<(), HelperError> {
        let program = program(name)?;
        let message = Message {
            server: server.to_owned(),
            username: username.to_owned(),
            secret: password.expose().to_owned(),
        };
        let input = serde_json::to_vec(&message).map_err(|error| HelperError::Failed {
            program: program.clone(),
            fault: format!("cannot be told: {error}"),
        })?;
        let output = self.call(&program, "store", &input)?;
        if output.status.success() { Ok(()) } else { Err(failed(program, &output)) }
    }

    /// Tells a helper to remove a credential. One that has none succeeds.
    pub(super) fn erase(&self, name: &str, server: &str) -> Result<(), HelperError> {
        let program = program(name)?;
        let output = self.call(&program, "erase", server.as_bytes())?;
        if output.status.success() || is_not_found(&output) { Ok(()) } else { Err(failed(program, &output)) }
    }

    fn call(&self, program: &str, action: &str, input: &[u8]) -> Result<Output, HelperError> {
        let command = Command::new(program, self.directory.clone()).args([action]);
        self.processes.answer(&command, input, self.limit).map_err(|error| match error {
            error if error.is_not_installed() => HelperError::Missing(program.to_owned()),
            ProcessError::TimedOut { limit, .. } => HelperError::Failed {
                program: program.to_owned(),
                fault: format!("did not answer within {limit:?}"),
            },
            ProcessError::Start { source, .. } => HelperError::Failed {
                program: program.to_owned(),
                fault: format!("cannot be started: {source}"),
            },
            other => HelperError::Failed { program: program.to_owned(), fault: format!("ended: {other}") },
        })
    }
}

/// Returns the program of a helper. Its name comes from a file, so it must not lead anywhere.
pub(super) fn program(name: &str) -> Result<String, HelperError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.chars().all(is_plain) && !name.is_empty() {
        Ok(format!("docker-credential-{name}"))
    } else {
        Err(HelperError::Name(name.chars().filter(|c| !c.is_control()).take(50).collect()))
    }
}

/// Returns whether a helper that failed only has no credentials. Most say so on standard output, some on standard error.
fn is_not_found(output: &Output) -> bool {
    [&output.stdout, &output.stderr].into_iter().any(|text| {
        let text = String::from_utf8_lossy(text).to_lowercase();
        NOT_FOUND.iter().any(|words| text.contains(words))
    })
}

/// Returns the error of a helper, with its words on standard error. Standard output may hold a secret, in a form that nobody
/// can foresee, and standard error may repeat it then: nothing is shown of either.
fn failed(program: String, output: &Output) -> HelperError {
    let is_silent = output.stdout.trim_ascii().is_empty();
    let words = first_line(&output.stderr).filter(|words| is_silent && !words.contains('{'));
    let words = words.map_or_else(
        || format!("; run `{program} get` with the server's name as its input to see why"),
        |words| format!(": {words}"),
    );
    HelperError::Failed { program, fault: format!("failed ({}){words}", output.status) }
}

/// Returns the first line that is not empty, at most 200 characters of it.
fn first_line(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(200).collect())
}
