//! Asking Go: `go env` in the module's folder, so that a `toolchain` line counts.

use camino::Utf8Path;
use serde::Deserialize;

use super::{GoToolchain, System, tools};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, ProcessError, Processes};

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Answer {
    goversion: String,
    goflags: String,
}

/// The Go toolchain that the module in `folder` selects.
pub(crate) fn selected_by(
    processes: &Processes,
    system: &System,
    folder: &Utf8Path,
) -> Availability<GoToolchain> {
    let Some(go) = tools::in_path(processes.environment(), "go") else {
        return Availability::Unavailable(tools::absent("go", system));
    };
    let command = Command::new(go.as_str(), folder).args(["env", "-json", "GOVERSION", "GOFLAGS"]);
    let answer = processes.stdout(&command).map_err(|error| unusable(&error));
    match answer.and_then(|text| parse(&text)) {
        Ok(answer) => {
            let version = answer.goversion.strip_prefix("go").unwrap_or(&answer.goversion).to_owned();
            Availability::Available(GoToolchain { go, version, flags: answer.goflags })
        }
        Err(unavailable) => Availability::Unavailable(unavailable),
    }
}

fn parse(text: &str) -> Result<Answer, Unavailable> {
    serde_json::from_str(text)
        .map_err(|error| Unavailable::because(format!("`go env -json` is not understood: {error}")))
}

fn unusable(error: &ProcessError) -> Unavailable {
    Unavailable::because(format!("go cannot be asked: {error}"))
}
