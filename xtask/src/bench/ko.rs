//! `dist` of the Go example, compared with ko, which writes a layout on a base from a registry on this machine.

use super::Setting;
use super::contender::{Contender, turns};
use super::programs::dist;
use super::row::{Goal, Row};
use super::server::{Server, go_program};
use crate::shell::{Failure, Tool, repository};

const EXAMPLE: &str = "k8s-ssh-server";

/// Measures cold runs, runs after a change of one source file, and runs without a change.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let ko = go_program(&setting.directory, "github.com/google/ko@latest")?;
    let registry = Server::registry(&setting.directory)?;
    let base = format!("127.0.0.1:{}/base:latest", registry.port);
    let base_directory = setting.directory.join("base").display().to_string();
    script("base.sh").arg(base_directory).arg(base.as_str()).quietly()?;

    let ours = dist(setting, &setting.directory.join("ko-dist"), EXAMPLE)?;
    let theirs = Contender::new(&setting.directory.join("ko"), EXAMPLE, |project| {
        let output = project.join("output").display().to_string();
        script("ko.sh")
            .arg(project.display().to_string())
            .arg(output)
            .arg(base)
            .env("KO", ko.display().to_string())
    })?;
    let rounds = setting.rounds;
    let cold = turns(rounds, |_| ours.run_cold(), |_| theirs.run_cold())?;
    let (file, word) = ("session.go", "Welcome");
    let changed = turns(
        rounds,
        |round| ours.run_changed(file, word, round),
        |round| theirs.run_changed(file, word, round),
    )?;
    let unchanged = turns(rounds, |_| ours.run(), |_| theirs.run())?;
    let row =
        |name, (ours, theirs), limit| Row { name, ours, theirs, unit: "s", goal: Goal::RatioAtMost(limit) };
    Ok(vec![
        row("Go example, cold: dist / ko", cold, 1.0),
        row("Go example, one file changed: dist / ko", changed, 0.8),
        row("Go example, nothing changed: dist / ko", unchanged, 0.5),
    ])
}

fn script(name: &str) -> Tool {
    Tool::new(["sh"]).arg(repository().join("bench").join(name).display().to_string())
}
