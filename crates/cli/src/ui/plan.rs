//! The plan as a person reads it: a tree on a terminal, or a graph.

use std::fmt::Write;

use crate::ui::style::{BAD, BOLD, DIM, WARN, paint};
use crate::ui::text::one_line;
use crossdock::plan::{Action, ImagePlan, Plan, Step, StepId};

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Scripts by their paths.
    Brief,
    /// Scripts by the commands that write them: then everything that runs can be run by hand, from top to bottom.
    Whole,
}

/// The plan as a tree.
pub(crate) fn tree(plan: &Plan, detail: Detail) -> String {
    let mut text = String::new();
    let _infallible = writeln!(text, "{} on {}", paint(BOLD, "plan"), plan.host);
    for image in &plan.images {
        show_image(&mut text, image);
    }
    let (by_hand, rest): (Vec<&Step>, Vec<&Step>) =
        plan.steps.iter().partition(|step| by_hand(step, detail).is_some());
    if !by_hand.is_empty() {
        let _infallible = writeln!(text, "{}", paint(BOLD, "commands"));
    }
    for step in by_hand {
        let Some(line) = self::by_hand(step, detail) else { continue };
        let _infallible = writeln!(text, "├─ {}\n│    {line}", one_line(&step.title));
    }
    let rest: Vec<&str> = rest.iter().map(|step| step.title.as_str()).collect();
    let _infallible = writeln!(text, "└─ then {}", one_line(&rest.join(", ")));
    for missing in &plan.missing {
        let _infallible = writeln!(text, "{} {missing}", paint(BAD, "missing:"));
    }
    for warning in &plan.warnings {
        let _infallible = writeln!(text, "{} {warning}", paint(WARN, "warning:"));
    }
    for note in &plan.notes {
        let _infallible = writeln!(text, "{} {note}", paint(DIM, "note:"));
    }
    text
}

/// What a person runs to do the same; none for what crossdock does itself.
fn by_hand(step: &Step, detail: Detail) -> Option<String> {
    match (&step.action, detail) {
        (Action::Write(script), Detail::Whole) => Some(script.command()),
        (Action::Write(script), Detail::Brief) => Some(format!(
            "{}  {}",
            script.path,
            paint(DIM, "the next commands need it; -v shows how to write it")
        )),
        // A line break of an argument stays one, for copying, but does not begin a line of the plan.
        _ => step.command().map(|command| command.to_string().replace('\n', "\n│    ")),
    }
}

fn show_image(text: &mut String, image: &ImagePlan) {
    let mut branch = Branch { lines: Vec::new() };
    for platform in &image.platforms {
        branch.add(format!("{}  {}", platform.platform, paint(DIM, &platform.reason)));
        for program in &platform.programs {
            branch.add(format!("└─ {}  {}", program.path, paint(DIM, &program.why)));
        }
    }
    let targets: Vec<&str> = image.targets.iter().map(|target| target.description.as_str()).collect();
    branch.add(format!("must start on: {}", targets.join(", ")));
    match &image.engine {
        Some(engine) => {
            for file in &engine.files {
                branch.add(format!("writes: {}", file.path));
            }
        }
        None => {
            branch.add(format!("base: {}", base(image)));
            branch.add(format!("layers: {}", layers(image)));
        }
    }
    branch.add(format!(
        "starts: {} as user {}",
        words(&image.container.entrypoint, &image.container.cmd),
        image.container.user
    ));
    for file in &image.files {
        branch.add(format!("file: {} from {}", file.to, file.from));
    }
    branch.add(format!("layout: {}", image.layout));
    if let Some(archive) = &image.archive {
        branch.add(format!("archive: {archive}"));
    }
    let references: Vec<String> = image.references().collect();
    branch.add(match references.is_empty() {
        true => "tags: none".to_owned(),
        false => format!("tags: {}", references.join(", ")),
    });
    let _infallible = writeln!(
        text,
        "{}  {}",
        paint(BOLD, one_line(&image.name)),
        paint(DIM, one_line(&image.source.to_string()))
    );
    text.push_str(&branch.finish());
}

fn base(image: &ImagePlan) -> &'static str {
    match (image.base, image.timezones) {
        (crossdock::config::Base::Scratch, _) => "scratch (empty)",
        (crossdock::config::Base::Static, false) => "static (built in: CA certificates, passwd, /tmp)",
        (crossdock::config::Base::Static, true) => {
            "static (built in: CA certificates, time zones, passwd, /tmp)"
        }
    }
}

/// The layers, lowest first.
fn layers(image: &ImagePlan) -> String {
    let base = (image.base == crossdock::config::Base::Static).then(|| "the base".to_owned());
    let files = (!image.files.is_empty()).then(|| format!("files ({})", image.files.len()));
    let programs = image.platforms.first().map(|plan| format!("programs ({})", plan.programs.len().max(1)));
    base.into_iter().chain(files).chain(programs).collect::<Vec<_>>().join(", ")
}

fn words(entrypoint: &[String], cmd: &[String]) -> String {
    entrypoint.iter().chain(cmd).cloned().collect::<Vec<_>>().join(" ")
}

struct Branch {
    lines: Vec<String>,
}

impl Branch {
    fn add(&mut self, line: String) {
        self.lines.push(one_line(&line));
    }

    fn finish(self) -> String {
        let last = self.lines.len().saturating_sub(1);
        let lines = self.lines.iter().enumerate().map(|(place, line)| {
            let mark = if place == last { "└─" } else { "├─" };
            format!("{mark} {line}\n")
        });
        lines.collect()
    }
}

/// The steps as a Mermaid flowchart.
pub(crate) fn mermaid(plan: &Plan) -> String {
    let mut text = String::from("flowchart LR\n");
    for (place, step) in plan.steps.iter().enumerate() {
        let title = step.title.replace('"', "#quot;");
        let _infallible = writeln!(text, "    s{place}[\"{title}\"]");
    }
    for (from, to) in edges(plan) {
        let _infallible = writeln!(text, "    s{from} --> s{to}");
    }
    text
}

/// The steps in the DOT language of Graphviz.
pub(crate) fn dot(plan: &Plan) -> String {
    let mut text = String::from("digraph plan {\n    rankdir=LR;\n    node [shape=box];\n");
    for (place, step) in plan.steps.iter().enumerate() {
        let shape = if matches!(step.action, Action::Verify { .. }) { " shape=diamond" } else { "" };
        let title = step.title.replace('\\', "\\\\").replace('"', "\\\"");
        let _infallible = writeln!(text, "    s{place} [label=\"{title}\"{shape}];");
    }
    for (from, to) in edges(plan) {
        let _infallible = writeln!(text, "    s{from} -> s{to};");
    }
    text.push_str("}\n");
    text
}

fn edges(plan: &Plan) -> Vec<(usize, usize)> {
    let place_of = |id: &StepId| plan.steps.iter().position(|step| step.id == *id);
    let edges = plan
        .steps
        .iter()
        .enumerate()
        .flat_map(|(to, step)| step.after.iter().filter_map(move |id| Some((place_of(id)?, to))));
    edges.collect()
}
