//! `crossdock target host`: the platforms of this machine.

use crossdock::interpret::{HostAnswer, classify, observe_host};
use crossdock::process::Processes;

use crate::arguments::Global;
use crate::error::{CommandError, Exit};
use crate::output;

pub(crate) fn run(processes: &Processes, global: &Global) -> Result<Exit, CommandError> {
    let answer = classify(&observe_host(processes));
    if global.json {
        output::json_lines(&super::line(&answer)?)?;
    } else {
        output::answer(&text(&answer))?;
    }
    Ok(Exit::Done)
}

fn text(answer: &HostAnswer) -> String {
    let known = |platform: &Option<String>| platform.clone().unwrap_or_else(|| "unknown".to_owned());
    let mut lines = vec![
        format!("process   {}", known(&answer.process)),
        format!("kernel    {}", known(&answer.kernel)),
        format!("programs  {}", known(&answer.userland)),
    ];
    for server in &answer.servers {
        let result = server.platform.clone().or_else(|| server.why.clone()).unwrap_or_default();
        lines.push(format!("{:<9} {result}", server.engine));
    }
    lines.extend(answer.notes.iter().map(|note| format!("note      {note}")));
    lines.join("\n")
}
