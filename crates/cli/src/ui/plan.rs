//! The plan as text for a person: a tree on a terminal, or a graph.

use std::fmt::Write;

use crossdock::config::Base;
use crossdock::plan::{Action, BuildInfo, ImagePlan, Plan, StampedCommit, Step, StepId};

use super::detail::Detail;
use super::since;
use super::style::{BAD, BOLD, DIM, WARN, paint};
use super::text::one_line;

/// Returns the plan as a tree.
pub(crate) fn tree(plan: &Plan, detail: Detail) -> String {
    let mut text = String::new();
    let _infallible = writeln!(text, "{} on {}", paint(BOLD, "plan"), plan.host);
    if let Some(since) = &plan.since {
        let _infallible = writeln!(text, "{}", since::headline(since));
    }
    for image in &plan.images {
        let changed = plan.since.iter().flat_map(|since| &since.changed);
        let changed = changed.into_iter().find(|changed| changed.image == image.name);
        show_image(&mut text, image, changed.map(|changed| since::reasons(&changed.reasons, detail)));
    }
    let (mut commands, mut rest) = (Vec::new(), Vec::new());
    for step in &plan.steps {
        match by_hand(step, detail) {
            Some(command) => commands.push((&step.title, command)),
            None => rest.push(step.title.as_str()),
        }
    }
    if !commands.is_empty() {
        let _infallible = writeln!(text, "{}", paint(BOLD, "commands"));
    }
    for (title, command) in commands {
        let _infallible = writeln!(text, "├─ {}\n│    {command}", one_line(title));
    }
    if !rest.is_empty() {
        let _infallible = writeln!(text, "└─ then {}", one_line(&rest.join(", ")));
    }
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

/// Returns the command with which a person can run a step; `None` for a step that crossdock itself performs.
fn by_hand(step: &Step, detail: Detail) -> Option<String> {
    match (&step.action, detail) {
        (Action::Write(script), Detail::Whole) => Some(script.command()),
        (Action::Write(script), Detail::Brief) => Some(format!(
            "{}  {}",
            script.path,
            paint(DIM, "the next commands need it; -v shows the command that writes it")
        )),
        // A line break of an argument stays one, for copying, but does not begin a line of the plan.
        _ => step.command().map(|command| command.to_string().replace('\n', "\n│    ")),
    }
}

fn show_image(text: &mut String, image: &ImagePlan, changed: Option<String>) {
    let mut branch = Branch { lines: Vec::new() };
    changed.into_iter().for_each(|reasons| branch.add(format!("changed: {reasons}")));
    for platform in &image.platforms {
        branch.add(format!("{}  {}", platform.platform, paint(DIM, &platform.reason)));
        for program in &platform.programs {
            branch.add(format!("└─ {}  {}", program.path, paint(DIM, &program.why)));
        }
    }
    reports(image).into_iter().for_each(|line| branch.add(line));
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
            for replaced in &image.replaced {
                branch.add(format!("└─ {replaced}"));
            }
            branch.add(format!("layers: {}", layers(image)));
        }
    }
    branch.add(format!(
        "starts: {} as user {}",
        words(&image.container.entrypoint, &image.container.cmd),
        image.container.user
    ));
    for (name, value) in image.container.env_besides(&image.base) {
        branch.add(format!("env: {name}={value}"));
    }
    for (name, value) in &image.container.labels {
        branch.add(format!("label: {name}={value}"));
    }
    for file in &image.files {
        branch.add(format!("file: {} from {}", file.to, file.from));
    }
    branch.add(format!("layout: {}", image.layout));
    if let Some(archive) = &image.archive {
        branch.add(format!("archive: {archive}"));
    }
    let references: Vec<String> = image.references().collect();
    let tags = if references.is_empty() { "none".to_owned() } else { references.join(", ") };
    branch.add(format!("tags: {tags}"));
    let _infallible = writeln!(
        text,
        "{}  {}",
        paint(BOLD, one_line(&image.name)),
        paint(DIM, one_line(&image.source.to_string()))
    );
    text.push_str(&branch.finish());
}

/// Returns what Go programs will report about their source, which is the same on every platform.
fn reports(image: &ImagePlan) -> Vec<String> {
    let programs = image.platforms.iter().chain(&image.others).next().map(|plan| plan.programs.as_slice());
    let programs = programs.unwrap_or_default();
    let each: Vec<(&str, &BuildInfo)> = programs
        .iter()
        .filter_map(|program| Some((program.name.as_str(), program.build_info.as_ref()?)))
        .collect();
    let all_equal = each.iter().all(|(_, info)| Some(info) == each.first().map(|(_, first)| first));
    let line = |name: &str, info: &BuildInfo| {
        let commit = match &info.commit {
            Some(StampedCommit { revision, time, modified, .. }) => {
                let changes = if *modified { " with changes" } else { "" };
                format!("commit {} of {time}{changes}", revision.get(..12).unwrap_or(revision))
            }
            None => "no commit".to_owned(),
        };
        format!("reports: {name}version {}, {commit}  {}", info.version, paint(DIM, &info.why))
    };
    match each.as_slice() {
        [(_, info), ..] if all_equal => vec![line("", info)],
        _ => each.iter().map(|(name, info)| line(&format!("{name} "), info)).collect(),
    }
}

fn base(image: &ImagePlan) -> String {
    match (&image.base, image.timezones) {
        (Base::Scratch, _) => "scratch (empty)".to_owned(),
        (Base::Static, false) => "static (built in: CA certificates, passwd, /tmp)".to_owned(),
        (Base::Static, true) => "static (built in: CA certificates, time zones, passwd, /tmp)".to_owned(),
        (base, _) => match &image.base_digest {
            Some(digest) => format!("{base}  {}", paint(DIM, digest.to_string())),
            None => base.to_string(),
        },
    }
}

/// Lists the layers, lowest first.
fn layers(image: &ImagePlan) -> String {
    let base = match (&image.base, image.platforms.first().and_then(|plan| plan.base.as_ref())) {
        (Base::Static, _) => Some("the base".to_owned()),
        (_, Some(base)) => Some(format!("the base ({})", base.layers.len())),
        _ => None,
    };
    let files = (!image.files.is_empty()).then(|| format!("files ({})", image.files.len()));
    let programs = image.platforms.first().map(|plan| format!("programs ({})", plan.programs.len().max(1)));
    base.into_iter().chain(files).chain(programs).collect::<Vec<_>>().join(", ")
}

fn words(entrypoint: &[String], cmd: &[String]) -> String {
    entrypoint.iter().chain(cmd).cloned().collect::<Vec<_>>().join(" ")
}

/// The lines below an image.
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

/// Returns the steps as a Mermaid flowchart.
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

/// Returns the steps in the DOT language of Graphviz.
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
