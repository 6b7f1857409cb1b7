//! Decides what this call writes: its parts, the xtask crate, and the command that people run in the project.

use std::collections::BTreeSet;

use super::error::ScaffoldError;
use super::file_state::{State, plan_merged_file};
use super::options::{CrossdockSource, EditedFiles, InitOptions, Part};
use super::project_state::ProjectState;
use super::repository_files::has_own_readme;
use super::resolved_options::{RememberedOptions, RepositoryFacts, ResolvedOptions};
use super::xtask::{
    LockChanges, XtaskCrate, alias_edit, default_members_note, resolve_xtask, xtask_obstacle,
};
use crossdock_project::config::FILE_NAME;
use crossdock_project::{Language, Network, Project};
use crossdock_system::process::Processes;

/// What was plan before a file is rendered.
pub(super) struct InitPlan {
    pub(super) remembered: RememberedOptions,
    /// The parts of this call.
    pub(super) parts: BTreeSet<Part>,
    /// The command that people call in the project.
    pub(super) command: &'static str,
    pub(super) notes: Vec<String>,
    pub(super) xtask_crate: Option<XtaskCrate>,
}

impl InitPlan {
    /// Whether this call writes a part.
    pub(super) fn writes(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

pub(super) fn make_init_plan(
    state: &ProjectState,
    options: &InitOptions,
    processes: &Processes,
) -> Result<InitPlan, ScaffoldError> {
    let obstacle = xtask_obstacle(state)?;
    let mut resolved = resolve_options(state, options, obstacle.as_deref(), processes)?;
    resolved.notes.extend(outdated_toolchain_note(&state.project, &resolved.parts));
    resolved.notes.extend(missing_lock_note(&state.project, &resolved.parts));
    let wants_crate = state.language == Language::Rust
        && obstacle.is_none()
        && !resolved.remembered.without.contains(&Part::Xtask);
    let xtask_crate = match wants_crate {
        true => plan_xtask(state, options, &mut resolved, processes)?,
        false => None,
    };
    if xtask_crate.as_ref().is_some_and(|made| made.lock_changes.is_some()) {
        resolved.notes.extend(default_members_note(&state.root));
    }
    // Where `cargo xtask` is a person's own, our crate is not what it runs.
    let alias = plan_merged_file(&state.root, &alias_edit(&state.root)).ok();
    let is_theirs = alias.is_some_and(|entry| entry.state == State::Edited);
    resolved.notes.extend(unremembered_note(state, options, &resolved.remembered));
    Ok(InitPlan {
        command: project_command(state.language, xtask_crate.is_some() && !is_theirs),
        remembered: resolved.remembered,
        parts: resolved.parts,
        notes: resolved.notes,
        xtask_crate,
    })
}

/// Joins what the call says with what the project can have, what it remembers, and where its repository is.
fn resolve_options(
    state: &ProjectState,
    options: &InitOptions,
    obstacle: Option<&str>,
    processes: &Processes,
) -> Result<ResolvedOptions, ScaffoldError> {
    let wrong = |option: &str, reason| ScaffoldError::InvalidOption { option: option.to_owned(), reason };
    let mut possible = Part::available_for(state.language);
    if obstacle.is_some() {
        possible.remove(&Part::Xtask);
    }
    if has_own_readme(&state.root) {
        possible.remove(&Part::Readme);
    }
    if let Some(reason) = options.parts.unavailable_parts(&possible) {
        return Err(wrong("--only", obstacle.map_or(reason.clone(), |why| format!("{reason} ({why})"))));
    }
    if options.crossdock_source.is_some() && state.language == Language::Go {
        return Err(wrong(
            "--crossdock",
            "a Go project has no xtask crate, so that it needs none".to_owned(),
        ));
    }
    let remembered = state.existing_config.as_ref().and_then(|known| RememberedOptions::parse(&known.text));
    let git = crossdock_project::git(&state.root, processes);
    let repository = RepositoryFacts {
        origin: git.available().and_then(|git| git.source.as_deref()),
        above: crossdock_project::checkout(&state.root).filter(|root| *root != state.root),
    };
    let mut resolved = options.parts.resolve(&possible, remembered, &repository);
    resolved.notes.extend(obstacle.map(|why| format!("no xtask crate is written: {why}")));
    let remembered = &mut resolved.remembered;
    remembered.archives_url = options.archives_url.clone().or(remembered.archives_url.take());
    // Who says where crossdock comes from wants the crate.
    if let Some(source) = &options.crossdock_source {
        remembered.crossdock_source = Some(source.clone().rebased(&state.root, &options.working_directory));
        if possible.contains(&Part::Xtask) && !options.parts.without.contains(&Part::Xtask) {
            remembered.without.remove(&Part::Xtask);
            resolved.parts.extend(options.parts.only.is_empty().then_some(Part::Xtask));
        }
    }
    Ok(resolved)
}

/// Whether the project's own compiler is too old for crossdock.
fn outdated_toolchain_note(project: &Project, parts: &BTreeSet<Part>) -> Option<String> {
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
fn missing_lock_note(project: &Project, parts: &BTreeSet<Part>) -> Option<String> {
    let Project::Rust(workspace) = project else { return None };
    (workspace.lock_made && parts.contains(&Part::Dockerfile)).then(|| {
        "there is no Cargo.lock yet, without which the Dockerfile does not build: make it with `cargo generate-lockfile`, \
         or by the first `dist`, and commit it"
            .to_owned()
    })
}

/// The crate; where nobody said from where crossdock comes and the default has none, the project does without.
fn plan_xtask(
    state: &ProjectState,
    options: &InitOptions,
    resolved: &mut ResolvedOptions,
    processes: &Processes,
) -> Result<Option<XtaskCrate>, ScaffoldError> {
    let source = resolved.remembered.crossdock_source.clone();
    let why = match (resolve_xtask(state, source.as_ref(), options, processes)?, source) {
        (Ok(XtaskCrate { lock_changes: Some(LockChanges::Unknown { why }), .. }), None) => why,
        // With a crate that cargo cannot have, no command of cargo would work in the project any more.
        (Ok(XtaskCrate { lock_changes: Some(LockChanges::Unknown { why }), .. }), Some(place))
            if options.crossdock_source.is_some() && options.network == Network::Online =>
        {
            return Err(ScaffoldError::CrossdockUnavailable { place: place.to_string(), reason: why });
        }
        (Ok(made), _) => return Ok(Some(made)),
        (Err(reason), Some(place)) => {
            return Err(ScaffoldError::CrossdockUnavailable { place: place.to_string(), reason });
        }
        (Err(reason), None) => reason,
    };
    let first = why.lines().next().unwrap_or_default();
    resolved.notes.push(format!(
        "no xtask crate is written: crossdock cannot be had from {} ({first}); say where it comes from with `--crossdock \
         path:DIR` or `--crossdock git:URL`",
        CrossdockSource::default()
    ));
    resolved.remembered.without.insert(Part::Xtask);
    resolved.parts.remove(&Part::Xtask);
    Ok(None)
}

/// What a person's file does not remember of a call that chose something for longer than itself.
fn unremembered_note(
    state: &ProjectState,
    options: &InitOptions,
    remembered: &RememberedOptions,
) -> Option<String> {
    let theirs = state.user_config().filter(|_| options.edited_files == EditedFiles::Keep)?;
    let chose = !options.parts.without.is_empty()
        || options.archives_url.is_some()
        || options.crossdock_source.is_some();
    (chose && RememberedOptions::parse(&theirs.text).as_ref() != Some(remembered)).then(|| {
        format!(
            "{FILE_NAME} was edited or written by hand, so that crossdock leaves it alone, and the next call will not know \
             of this one's choices: write `{}` as its first line, instead of one that begins so",
            remembered.comment_line()
        )
    })
}

/// The command that people call in a project.
fn project_command(language: Language, has_xtask: bool) -> &'static str {
    match (language, has_xtask) {
        (Language::Rust, true) => "cargo xtask",
        _ => "crossdock",
    }
}
