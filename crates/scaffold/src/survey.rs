//! Looks at a project and decides what its scaffold is.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::choices::{Choices, Repository, Settled};
use super::entry::{Entry, State, generated, merged};
use super::error::ScaffoldError;
use super::ground::Ground;
use super::lock::Joining;
use super::merge::{self, Merged};
use super::outline::{Outline, outlines, plan_request};
use super::part::Part;
use super::request::Request;
use super::sheet::Sheet;
use super::source::CrossdockSource;
use super::{Scaffold, config, dockerfile, kubernetes, pipeline, readme, xtask};
use crossdock_project::config::grammar::normalized_path;
use crossdock_project::{Language, Network, Project};
use crossdock_runner::plan::Projects;
use crossdock_system::process::Processes;

/// What was decided before a file is rendered.
pub(super) struct Decided {
    pub(super) choices: Choices,
    /// The parts of this call.
    pub(super) parts: BTreeSet<Part>,
    /// The command that people call in the project.
    pub(super) command: &'static str,
    notes: Vec<String>,
    crate_: Option<xtask::Crate>,
}

impl Decided {
    /// Whether this call writes a part.
    pub(super) fn writes(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

/// Looks at a folder and says what `init` would do there. Nothing is written, and nothing is executed but the project's
/// own tools (cargo, go), which are asked.
///
/// # Errors
/// Folders without a project, projects that their tools refuse, wrong options, files that are in the way of a merge, and
/// a crossdock that cannot be had from where the call says.
pub fn survey(request: &Request, processes: &Processes) -> Result<Scaffold, ScaffoldError> {
    let ground = Ground::find(request, processes)?;
    let mut decided = decide(&ground, request, processes)?;
    let settings = config::settings(&ground, request, &decided)?;
    let projects = ground.projects(&settings.config, request, processes)?;
    let outlines = outlines(&settings.config, &projects, request)?;
    let sheets = sheets(&ground, request, &mut decided, settings, &projects, &outlines)?;
    let files = entries(&ground, request, &decided, &sheets)?;
    Ok(Scaffold {
        joins: joins(&decided, &files),
        next: next(&ground, request, &decided),
        root: ground.root,
        language: ground.language,
        files,
        notes: decided.notes,
    })
}

fn decide(ground: &Ground, request: &Request, processes: &Processes) -> Result<Decided, ScaffoldError> {
    let obstacle = xtask::obstacle(ground)?;
    let mut settled = settle(ground, request, obstacle.as_deref(), processes)?;
    settled.notes.extend(outdated(&ground.project, &settled.parts));
    settled.notes.extend(unlocked(&ground.project, &settled.parts));
    let wants_crate = ground.language == Language::Rust
        && obstacle.is_none()
        && !settled.choices.without.contains(&Part::Xtask);
    let crate_ = match wants_crate {
        true => with_crate(ground, request, &mut settled, processes)?,
        false => None,
    };
    if crate_.as_ref().is_some_and(|made| made.joins.is_some()) {
        settled.notes.extend(xtask::built_too(&ground.root));
    }
    // Where `cargo xtask` is a person's own, our crate is not what it runs.
    let alias = merged(&ground.root, &xtask::alias(&ground.root)).ok();
    let is_theirs = alias.is_some_and(|entry| entry.state == State::Edited);
    settled.notes.extend(config::unremembered(ground, request, &settled.choices));
    Ok(Decided {
        command: config::command(ground.language, crate_.is_some() && !is_theirs),
        choices: settled.choices,
        parts: settled.parts,
        notes: settled.notes,
        crate_,
    })
}

/// Joins what the call says with what the project can have, what it remembers, and where its repository is.
fn settle(
    ground: &Ground,
    request: &Request,
    obstacle: Option<&str>,
    processes: &Processes,
) -> Result<Settled, ScaffoldError> {
    let wrong = |option: &str, reason| ScaffoldError::Option { option: option.to_owned(), reason };
    let mut possible = Part::of(ground.language);
    if obstacle.is_some() {
        possible.remove(&Part::Xtask);
    }
    if readme::has_own(&ground.root) {
        possible.remove(&Part::Readme);
    }
    if let Some(reason) = request.selection.impossible(&possible) {
        return Err(wrong("--only", obstacle.map_or(reason.clone(), |why| format!("{reason} ({why})"))));
    }
    if request.source.is_some() && ground.language == Language::Go {
        return Err(wrong(
            "--crossdock",
            "a Go project has no xtask crate, so that it needs none".to_owned(),
        ));
    }
    let remembered = ground.known.as_ref().and_then(|known| Choices::read(&known.text));
    let git = crossdock_project::git(&ground.root, processes);
    let repository = Repository {
        origin: git.available().and_then(|git| git.source.as_deref()),
        above: crossdock_project::checkout_root(&ground.root).filter(|root| *root != ground.root),
    };
    let mut settled = request.selection.settle(&possible, remembered, &repository);
    settled.notes.extend(obstacle.map(|why| format!("no xtask crate is written: {why}")));
    let choices = &mut settled.choices;
    choices.archives = request.archives.clone().or(choices.archives.take());
    // Who says where crossdock comes from wants the crate.
    if let Some(source) = &request.source {
        choices.source = Some(source.clone().seen_from(&ground.root, &request.directory));
        if possible.contains(&Part::Xtask) && !request.selection.without.contains(&Part::Xtask) {
            choices.without.remove(&Part::Xtask);
            settled.parts.extend(request.selection.only.is_empty().then_some(Part::Xtask));
        }
    }
    Ok(settled)
}

/// Whether the project's own compiler is too old for crossdock.
fn outdated(project: &Project, parts: &BTreeSet<Part>) -> Option<String> {
    let Project::Rust(workspace) = project else { return None };
    let file = workspace.toolchain_file.as_ref().filter(|_| parts.contains(&Part::Xtask))?;
    let version = |text: &str| {
        let mut numbers = text.split(['.', '-']).map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    let (channel, needed) = (file.channel.as_deref()?, env!("CARGO_PKG_RUST_VERSION"));
    (version(channel)? < version(needed)?).then(|| {
        format!("{} selects Rust {channel}, and the xtask crate's crossdock needs {needed}", file.path)
    })
}

/// Whether the Dockerfile cannot build yet, because it changes no lock file.
fn unlocked(project: &Project, parts: &BTreeSet<Part>) -> Option<String> {
    let Project::Rust(workspace) = project else { return None };
    (workspace.lock_created && parts.contains(&Part::Dockerfile)).then(|| {
        "there is no Cargo.lock yet, without which the Dockerfile does not build: make it with `cargo generate-lockfile`, \
         or by the first `dist`, and commit it"
            .to_owned()
    })
}

/// The crate; where nobody said from where crossdock comes and the default has none, the project does without.
fn with_crate(
    ground: &Ground,
    request: &Request,
    settled: &mut Settled,
    processes: &Processes,
) -> Result<Option<xtask::Crate>, ScaffoldError> {
    let source = settled.choices.source.clone();
    let why = match (xtask::resolve(ground, source.as_ref(), request, processes)?, source) {
        (Ok(xtask::Crate { joins: Some(Joining::Unknown { why }), .. }), None) => why,
        // With a crate that cargo cannot have, no command of cargo would work in the project any more.
        (Ok(xtask::Crate { joins: Some(Joining::Unknown { why }), .. }), Some(place))
            if request.source.is_some() && request.network == Network::Online =>
        {
            return Err(ScaffoldError::Source { place: place.to_string(), reason: why });
        }
        (Ok(made), _) => return Ok(Some(made)),
        (Err(reason), Some(place)) => {
            return Err(ScaffoldError::Source { place: place.to_string(), reason });
        }
        (Err(reason), None) => reason,
    };
    let first = why.lines().next().unwrap_or_default();
    settled.notes.push(format!(
        "no xtask crate is written: crossdock cannot be had from {} ({first}); say where it comes from with `--crossdock \
         path:DIR` or `--crossdock git:URL`",
        CrossdockSource::default()
    ));
    settled.choices.without.insert(Part::Xtask);
    settled.parts.remove(&Part::Xtask);
    Ok(None)
}

/// All files of the project's choices, whether or not this call writes them: some of them speak of others.
fn sheets(
    ground: &Ground,
    request: &Request,
    decided: &mut Decided,
    settings: config::Settings,
    projects: &Projects,
    outlines: &[Outline],
) -> Result<Vec<Sheet>, ScaffoldError> {
    let chosen = |part: Part| !decided.choices.without.contains(&part);
    let (mut sheets, mut notes) = (Vec::new(), Vec::new());
    if let Some(crate_) = &decided.crate_ {
        sheets.extend(crate_.sheets.iter().cloned());
    }
    sheets.extend(settings.sheet);
    let outside = path_outside(ground, decided);
    if let Some(path) = outside.filter(|_| chosen(Part::Dockerfile)) {
        notes.push(format!(
            "there is no Dockerfile: the xtask crate takes crossdock from {path}, outside of the folder that an engine is \
             sent, and cargo reads all members of a workspace; take it from git or a registry"
        ));
    } else if chosen(Part::Dockerfile) || chosen(Part::Dockerignore) {
        let projects = with_xtask(projects, ground, decided);
        let (files, why) = dockerfile::sheets(&settings.config, &projects, &plan_request(request))?;
        sheets.extend(files);
        notes.extend(why);
    }
    if chosen(Part::Github) {
        sheets.push(pipeline::github(outlines, &decided.choices)?);
    }
    if chosen(Part::Gitlab) {
        sheets.push(pipeline::gitlab(outlines, &decided.choices, ground.language)?);
    }
    if chosen(Part::Kubernetes) {
        for outline in outlines {
            match kubernetes::sheet(outline)? {
                Ok(sheet) => sheets.push(sheet),
                Err(why) => notes.push(why),
            }
        }
    }
    sheets.retain(|sheet| chosen(sheet.part));
    if chosen(Part::Readme) && !readme::has_own(&ground.root) {
        sheets.push(readme::sheet(decided.command, outlines, &sheets)?);
    }
    decided.notes.extend(notes);
    Ok(sheets)
}

/// The files of this call, in the order in which they are written: what makes the others count comes last.
fn entries(
    ground: &Ground,
    request: &Request,
    decided: &Decided,
    sheets: &[Sheet],
) -> Result<Vec<Entry>, ScaffoldError> {
    let has_manifest = ground.root.join("Cargo.toml").symlink_metadata().is_ok();
    let joins = decided.writes(Part::Xtask);
    let mut starter = ground.starter.clone();
    starter.retain(|sheet| sheet.path != "Cargo.toml" || !has_manifest);
    for sheet in starter.iter_mut().filter(|sheet| joins && sheet.path == "Cargo.toml") {
        if let Ok(Merged::With(text)) = merge::workspace(&sheet.body, &["xtask"], &[]) {
            sheet.body = text;
        }
    }
    let chosen = sheets.iter().filter(|sheet| decided.writes(sheet.part));
    let mut entries = Vec::new();
    for sheet in chosen.chain(&starter) {
        entries.push(generated(&ground.root, sheet, request.existing)?);
    }
    if joins {
        entries.push(merged(&ground.root, &xtask::alias(&ground.root))?);
    }
    if has_manifest && ground.language == Language::Rust {
        let members = if joins { vec!["xtask"] } else { Vec::new() };
        let manifest = merged(&ground.root, &xtask::workspace(members, &entries))?;
        // A manifest that needs nothing is no part of a scaffold without the crate.
        entries.extend(Some(manifest).filter(|manifest| joins || manifest.state != State::Clean));
    }
    // What is not there yet becomes the new workspace's root only when everything else is there.
    entries.sort_by_key(|entry| entry.path == "Cargo.toml");
    Ok(entries)
}

fn joins(decided: &Decided, files: &[Entry]) -> Option<Joining> {
    let writes = |entry: &&Entry| entry.path == "xtask/Cargo.toml" && entry.state != State::Clean;
    files.iter().find(writes)?;
    decided.crate_.as_ref()?.joins.clone()
}

fn next(ground: &Ground, request: &Request, decided: &Decided) -> Vec<String> {
    let near = ground.root.strip_prefix(&request.directory).unwrap_or(&ground.root);
    let enter = (!near.as_str().is_empty())
        .then(|| format!("cd {}", crossdock_system::process::quote(near.as_str())));
    enter.into_iter().chain([format!("{} dist", decided.command)]).collect()
}

/// Where crossdock lies when that is no part of the project.
fn path_outside(ground: &Ground, decided: &Decided) -> Option<Utf8PathBuf> {
    decided.crate_.as_ref()?;
    let Some(CrossdockSource::Path(path)) = &decided.choices.source else { return None };
    (!normalized_path(ground.root.join(path)).starts_with(&ground.root)).then(|| path.clone())
}

/// The projects as they will be: the crate is a member, whose folder an engine must be sent too.
fn with_xtask(projects: &Projects, ground: &Ground, decided: &Decided) -> Projects {
    let mut projects = projects.clone();
    let Some(Project::Rust(workspace)) = projects.projects.get_mut(&ground.seen) else { return projects };
    if decided.crate_.is_some() {
        workspace.sources.inside.insert("xtask".to_owned());
    }
    projects
}
