//! Decides what a call writes: its parts, the xtask crate, and the command that people run in the project.

use std::collections::BTreeSet;

use super::desired_file::parse_generated;
use super::error::ScaffoldError;
use super::file_state::{OnDisk, State, plan_merged_file, read_on_disk};
use super::options::{EditedFiles, InitOptions, Part};
use super::pipelines::{GITHUB_WORKFLOW, GITLAB_PIPELINE};
use super::project_state::ProjectState;
use super::repository_files::has_own_readme;
use super::resolved_options::{PipelineInstall, RememberedOptions, RepositoryFacts, ResolvedOptions};
use super::xtask::{
    LockChanges, XtaskCrate, alias_edit, default_members_note, resolve_xtask, xtask_obstacle,
};
use crossdock_project::config::FILE_NAME;
use crossdock_project::{Language, Network, Project};
use crossdock_system::availability::Availability;
use crossdock_system::process::Processes;

/// The decisions that precede the rendering of files.
pub(super) struct InitPlan {
    /// The options to remember.
    pub(super) remembered: RememberedOptions,
    /// The parts that this call writes.
    pub(super) parts: BTreeSet<Part>,
    /// The command that people run in the project: `cargo xtask` or `crossdock`.
    pub(super) command: &'static str,
    /// Decisions and obstacles that a person should know about.
    pub(super) notes: Vec<String>,
    /// The way in which pipelines get crossdock; `None` if no place is known, and then none is written.
    pub(super) pipeline_install: Option<PipelineInstall>,
    /// The xtask crate; `None` if the project does without.
    pub(super) xtask_crate: Option<XtaskCrate>,
}

impl InitPlan {
    /// Returns whether this call writes a part.
    pub(super) fn writes(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

/// Decides what a call writes.
///
/// # Errors
/// Fails if an option does not fit the project, or if cargo cannot get crossdock from the source that the call names.
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
    let xtask_crate = if wants_crate { plan_xtask(state, options, &mut resolved, processes)? } else { None };
    if xtask_crate.as_ref().is_some_and(|xtask| xtask.lock_changes.is_some()) {
        resolved.notes.extend(default_members_note(&state.root));
    }
    // If the user has another alias `xtask`, `cargo xtask` does not run the generated crate.
    let alias = plan_merged_file(&state.root, &alias_edit(&state.root)).ok();
    let has_other_alias = alias.is_some_and(|entry| entry.state == State::Yours);
    let pipeline_install = plan_pipelines(state, &mut resolved)?;
    resolved.notes.extend(unremembered_note(state, options, &resolved.remembered));
    Ok(InitPlan {
        command: project_command(state.language, xtask_crate.is_some() && !has_other_alias),
        remembered: resolved.remembered,
        parts: resolved.parts,
        notes: resolved.notes,
        pipeline_install,
        xtask_crate,
    })
}

/// Combines the call's options with those that the project remembers, the parts that it can have, and its repository's host.
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
    let remembered =
        state.existing_config.as_ref().and_then(|existing| RememberedOptions::parse(&existing.text));
    let git = crossdock_project::git(&state.root, processes);
    let repository = RepositoryFacts {
        origin: git.available().and_then(|git| git.source.as_deref()),
        above: crossdock_project::checkout_root(&state.root).filter(|root| *root != state.root),
    };
    let mut resolved = options.parts.resolve(&possible, remembered, &repository);
    resolved.notes.extend(obstacle.map(|why| format!("no xtask crate is written: {why}")));
    let remembered = &mut resolved.remembered;
    remembered.archives_url = options.archives_url.clone().or(remembered.archives_url.take());
    // `--crossdock` implies the crate, even where `--without xtask` was remembered.
    if let Some(source) = &options.crossdock_source {
        remembered.crossdock_source = Some(source.clone().rebased(&state.root, &options.working_directory));
        if possible.contains(&Part::Xtask) && !options.parts.without.contains(&Part::Xtask) {
            remembered.without.remove(&Part::Xtask);
            resolved.parts.extend(options.parts.only.is_empty().then_some(Part::Xtask));
        }
    }
    Ok(resolved)
}

/// Warns if the project pins a Rust toolchain that is too old to build crossdock.
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

/// Warns if there is no Cargo.lock: the Dockerfile builds with `--locked`.
fn missing_lock_note(project: &Project, parts: &BTreeSet<Part>) -> Option<String> {
    let Project::Rust(workspace) = project else { return None };
    (workspace.lock_created && parts.contains(&Part::Dockerfile)).then(|| {
        "Cargo.lock is missing, and the Dockerfile does not build without it: run `cargo generate-lockfile`, or `dist`, \
         and commit the file"
            .to_owned()
    })
}

/// Returns how pipelines get crossdock. `None`, with the pipelines removed and a note, if no place is known.
///
/// The parts are not remembered as left out: a later call that names a place writes them.
///
/// # Errors
/// Fails if a pipeline of an earlier call cannot be read.
fn plan_pipelines(
    state: &ProjectState,
    resolved: &mut ResolvedOptions,
) -> Result<Option<PipelineInstall>, ScaffoldError> {
    let why = match resolved.remembered.pipeline_install(&state.root) {
        Availability::Available(install) => return Ok(Some(install)),
        Availability::Unavailable(unavailable) => unavailable.why,
    };
    for (part, path) in [(Part::Github, GITHUB_WORKFLOW), (Part::Gitlab, GITLAB_PIPELINE)] {
        if !resolved.parts.remove(&part) {
            continue;
        }
        let earlier = match read_on_disk(&state.root, path.into())? {
            OnDisk::File { text, .. } => parse_generated(&text).is_some(),
            OnDisk::Absent | OnDisk::Blocked(_) => false,
        };
        // The pipelines of early versions downloaded from an address that crossdock's developers do not own.
        let end = if earlier {
            format!("; {path} of an earlier call stays: check from where it takes crossdock, or delete it")
        } else {
            String::new()
        };
        resolved.notes.push(format!(
            "{part} is left out, because {why}; name crossdock's archives with `--archives URL`, or a source to build it from \
             with `--crossdock git:URL` or `--crossdock path:DIR`{end}"
        ));
    }
    Ok(None)
}

/// Returns the crate; `None` with a note if no call named the source of crossdock. No source is the default: no registry
/// has a crate of that name that is crossdock's.
fn plan_xtask(
    state: &ProjectState,
    options: &InitOptions,
    resolved: &mut ResolvedOptions,
    processes: &Processes,
) -> Result<Option<XtaskCrate>, ScaffoldError> {
    let source = resolved.remembered.crossdock_source.clone();
    let xtask = resolve_xtask(state, source.as_ref(), options, processes)?;
    let why = match (xtask, source) {
        // With a member that cargo cannot resolve, every cargo command in the project would fail.
        (
            Availability::Available(XtaskCrate { lock_changes: Some(LockChanges::Unknown { why }), .. }),
            Some(place),
        ) if options.crossdock_source.is_some() && options.network == Network::Online => {
            return Err(ScaffoldError::CrossdockUnavailable { place: place.to_string(), reason: why });
        }
        (Availability::Available(xtask), _) => return Ok(Some(xtask)),
        (Availability::Unavailable(unavailable), Some(place)) => {
            return Err(ScaffoldError::CrossdockUnavailable {
                place: place.to_string(),
                reason: unavailable.why,
            });
        }
        (Availability::Unavailable(unavailable), None) => unavailable.why,
    };
    resolved.notes.push(format!(
        "no xtask crate is written: {why}; name it with `--crossdock path:DIR` or `--crossdock git:URL`"
    ));
    resolved.remembered.without.insert(Part::Xtask);
    resolved.parts.remove(&Part::Xtask);
    Ok(None)
}

/// Warns that a `crossdock.toml` which the user maintains does not remember the options of this call.
fn unremembered_note(
    state: &ProjectState,
    options: &InitOptions,
    remembered: &RememberedOptions,
) -> Option<String> {
    let existing = state.user_config().filter(|_| options.edited_files == EditedFiles::Keep)?;
    let has_lasting_options = !options.parts.without.is_empty()
        || options.archives_url.is_some()
        || options.crossdock_source.is_some();
    (has_lasting_options && RememberedOptions::parse(&existing.text).as_ref() != Some(remembered)).then(|| {
        format!(
            "{FILE_NAME} was edited or written by hand, and crossdock does not change it: the next call will not know the \
             options of this one; write `{}` as its first line, or in place of a line that begins so",
            remembered.comment_line()
        )
    })
}

/// Returns the command that people run in a project.
fn project_command(language: Language, has_xtask: bool) -> &'static str {
    match (language, has_xtask) {
        (Language::Rust, true) => "cargo xtask",
        _ => "crossdock",
    }
}
