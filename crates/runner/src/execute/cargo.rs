//! Runs cargo and takes the programs from its JSON messages.

use std::collections::BTreeMap;
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Message as CargoMessage, PackageId};

use super::report_lines::{Reporter, Said};
use super::{ExecuteError, StepContext};
use crate::plan::{Artifact, CargoBuild, CargoProgram};
use crossdock_system::process::OutputLine;

impl StepContext<'_> {
    pub(super) fn cargo(&self, build: &CargoBuild, reporter: &Reporter<'_>) -> Result<String, ExecuteError> {
        let found: Mutex<BTreeMap<Artifact, Utf8PathBuf>> = Mutex::default();
        // Presentation only: neither colour nor a progress bar changes what is compiled.
        let command = build
            .command
            .clone()
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            .env("CARGO_TERM_COLOR", self.color.as_cargo());
        let status = self.processes.stream(&command, &|line| match line {
            OutputLine::Stdout(message) => {
                super::lock(&found).extend(programs(message, &build.programs));
            }
            OutputLine::Stderr(line) => reporter.said(cargo_says(line)),
        })?;
        if !status.success() {
            return Err(ExecuteError::Compiler { command: build.command.to_string(), status });
        }
        let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(lost) = build.programs.iter().find(|program| !found.contains_key(&program.artifact)) {
            return Err(ExecuteError::NotMade {
                program: lost.artifact.0.clone(),
                command: build.command.to_string(),
            });
        }
        super::lock(&self.state).artifacts.extend(found);
        Ok(String::new())
    }
}

/// The programs that a message of cargo announces; several where images share one.
///
/// Cargo's artifact messages do not name the triple: it is the folder between target folder and profile, where the
/// Cargo Book says that programs of `--target` lie.
fn programs(message: &str, wanted: &[CargoProgram]) -> Vec<(Artifact, Utf8PathBuf)> {
    let Ok(CargoMessage::CompilerArtifact(made)) = serde_json::from_str(message) else { return Vec::new() };
    let Some(path) = made.executable else { return Vec::new() };
    let is_it = |program: &&CargoProgram| {
        made.package_id == PackageId { repr: program.package.clone() }
            && made.target.name == program.binary
            && made.target.is_bin()
            && triple_folder(&path) == Some(program.triple.as_str())
    };
    wanted.iter().filter(is_it).map(|program| (program.artifact.clone(), path.clone())).collect()
}

/// `TRIPLE` of `…/TRIPLE/PROFILE/PROGRAM`.
fn triple_folder(program: &Utf8Path) -> Option<&str> {
    program.parent()?.parent()?.file_name()
}

/// What a line on cargo's standard error means for a person who watches.
fn cargo_says(line: &str) -> Said<'_> {
    let plain = line.trim_start_matches(|c: char| c.is_whitespace());
    let words = strip_colors(plain);
    let Some((verb, rest)) = words.trim_start().split_once(' ') else { return Said::line(line) };
    match verb {
        "Building" if rest.contains('[') => {
            bar(rest).map_or(Said::Nothing, |(done, total, what)| Said::Progress { done, total, what })
        }
        "Compiling" | "Fresh" | "Finished" | "Downloading" | "Downloaded" | "Updating" | "Locking"
        | "Blocking" | "Adding" | "Checking" => Said::Chatter(line),
        _ => Said::line(line),
    }
}

/// Reads `[=====>     ] 37/120: serde, tokio`.
fn bar(text: &str) -> Option<(u64, u64, String)> {
    let (_, counted) = text.split_once(']')?;
    let (count, what) = counted.trim().split_once(':').unwrap_or((counted.trim(), ""));
    let (done, total) = count.split_once('/')?;
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?, what.trim().to_owned()))
}

/// Removes ANSI escape sequences (ECMA-48 control sequences).
fn strip_colors(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cargos_bar() {
        let said = cargo_says("\u{1b}[1m\u{1b}[92m    Building\u{1b}[0m [====>     ] 37/120: serde, tokio");
        assert_eq!(said, Said::Progress { done: 37, total: 120, what: "serde, tokio".to_owned() });
        assert_eq!(
            cargo_says("error[E0308]: mismatched types"),
            Said::line("error[E0308]: mismatched types")
        );
        assert_eq!(cargo_says("   Compiling serde v1.0"), Said::Chatter("   Compiling serde v1.0"));
    }

    #[test]
    fn takes_only_programs_that_the_plan_names() {
        let wanted = CargoProgram {
            artifact: Artifact("app/app@linux/arm64#app".to_owned()),
            package: "path+file:///p#app@0.1.0".to_owned(),
            binary: "app".to_owned(),
            triple: "aarch64-unknown-linux-musl".to_owned(),
        };
        let message = |triple: &str, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///p#app@0.1.0","manifest_path":"/p/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"app","src_path":"/p/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true}},"profile":{{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],"filenames":["/t/{triple}/release/app"],"executable":"/t/{triple}/release/app","fresh":false}}"#
            )
        };
        let other_image =
            CargoProgram { artifact: Artifact("app/app@linux/arm64#other".to_owned()), ..wanted.clone() };
        let wanted = [wanted, other_image];
        let found = |message: &str| programs(message, &wanted);
        let path = Utf8PathBuf::from("/t/aarch64-unknown-linux-musl/release/app");
        assert_eq!(
            found(&message("aarch64-unknown-linux-musl", "bin")),
            wanted.clone().map(|wanted| (wanted.artifact, path.clone()))
        );
        assert_eq!(found(&message("x86_64-unknown-linux-musl", "bin")), []);
        assert_eq!(found(&message("aarch64-unknown-linux-musl", "example")), []);
        assert_eq!(found("not JSON: a build script printed this"), []);
    }
}
