//! Sets up a project for crossdock, as `crossdock init` does: its configuration, Dockerfiles, pipelines, Kubernetes manifests
//! and `xtask` crate.
//!
//! [`plan_scaffold`] reads a project and returns a [`Scaffold`]: every file with its [`State`] and [`Action`], as data.
//! [`Scaffold::write`] carries it out. No work of the user is lost: a file that was edited or written by hand stays or is
//! replaced with a backup, and the user's own manifests (`Cargo.toml`, cargo's configuration) only gain entries.
//!
//! ```
//! use camino::Utf8Path;
//! use crossdock_project::Language;
//! use crossdock_scaffold::{InitOptions, Part, State, plan_scaffold};
//! use crossdock_system::environment::Environment;
//! use crossdock_system::process::{Cancel, Processes};
//!
//! # let temporary = tempfile::tempdir()?;
//! # let temporary = Utf8Path::from_path(temporary.path()).unwrap();
//! # let (project, scratch) = (temporary.join("hello"), temporary.join("scratch"));
//! let processes = Processes::new(Environment::from_process()?.into(), Cancel::default());
//! let mut options = InitOptions::new(project, scratch);
//! options.template = Some(Language::Rust);
//! options.parts.without = vec![Part::Xtask];
//! let scaffold = plan_scaffold(&options, &processes)?;
//! assert!(scaffold.files.iter().all(|file| file.state == State::Missing));
//! scaffold.write(options.network, &processes)?;
//! assert!(!plan_scaffold(&options, &processes)?.has_drift());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// The modules in the order of a call:
//
// - `options`: what the call asks for
// - `project_state`: what is on disk and what cargo and go say about it
// - `resolved_options`, `init_plan`: which parts are written, and with which settings
// - `config` (with `preserve_config`), `xtask`, `image_files`, `pipelines`, `repository_files`: the files' contents, as
//   `desired_file`s
// - `matrix`: the jobs of pipelines
// - `file_state`: each file compared with the disk; `merge` for files that the user maintains
// - `write`: the only module that changes the project
mod config;
mod desired_file;
mod error;
mod file_state;
mod image_files;
mod init_plan;
mod matrix;
mod merge;
mod options;
mod pipelines;
mod preserve_config;
mod project_state;
mod repository_files;
mod resolved_options;
mod write;
mod xtask;

use camino::Utf8PathBuf;
use serde::Serialize;

pub use desired_file::{CommentStyle, is_unedited, stamp_header};
pub use error::ScaffoldError;
pub use file_state::{Action, PlannedFile, State};
pub use matrix::{Forge, MatrixJob, matrix_jobs};
pub use options::{CrossdockSource, EditedFiles, InitOptions, Part, PartSelection};
pub use write::{WriteReport, backup_path, create_backup};
pub use xtask::LockChanges;

use config::{DesiredConfig, desired_config};
use crossdock_project::config::grammar::normalized_path;
use crossdock_project::{Language, Project};
use crossdock_runner::planner::Projects;
use crossdock_system::availability::Availability;
use crossdock_system::process::{Processes, quote};
use desired_file::DesiredFile;
use file_state::{plan_generated_file, plan_merged_file};
use image_files::{ImageSummary, docker_files, image_summaries, kubernetes_manifest, plan_request};
use init_plan::{InitPlan, make_init_plan};
use merge::{MergeResult, add_workspace_entries};
use pipelines::{Pipeline, github_workflow, gitlab_pipeline};
use project_state::ProjectState;
use repository_files::{has_own_readme, readme};
use xtask::{alias_edit, workspace_edit};

/// The plan of a call of `init`: plain, comparable data, carried out by [`write`](Self::write).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Scaffold {
    /// The project's directory. Absolute.
    pub root: Utf8PathBuf,
    /// The project's language.
    pub language: Language,
    /// The files, in the order in which they are written.
    pub files: Vec<PlannedFile>,
    /// The packages that the `xtask` crate adds to `Cargo.lock`; `None` if this call does not add the crate.
    #[serde(rename = "joins")]
    pub lock_changes: Option<LockChanges>,
    /// Decisions and obstacles that a person should know about, one sentence each.
    pub notes: Vec<String>,
    /// The commands to run next.
    pub next: Vec<String>,
}

impl Scaffold {
    /// Returns whether a generated file is missing, was edited, or differs from what would be written now.
    pub fn has_drift(&self) -> bool {
        self.files.iter().any(|file| file.drifts)
    }
}

/// Reads a project and returns the files that `init` would write there, each with its state.
///
/// Leaves the project unchanged. It reads the project's files, runs the project's own tools (cargo, go, git), and resolves
/// the `xtask` crate's dependencies in `scratch_directory`. A missing `Cargo.lock`, which cargo generates when asked about
/// the project, is removed again.
///
/// # Errors
/// Fails if the directory holds no project or the project's tools refuse it, if an option is invalid, if a file of the
/// user cannot take the entry to be merged, or if cargo cannot get crossdock from the given source.
pub fn plan_scaffold(options: &InitOptions, processes: &Processes) -> Result<Scaffold, ScaffoldError> {
    let state = ProjectState::read(options, processes)?;
    let mut plan = make_init_plan(&state, options, processes)?;
    let config = desired_config(&state, options, &plan)?;
    let projects = state.projects(&config.config, options, processes)?;
    let images = image_summaries(&config.config, &projects, options)?;
    let files = desired_files(&state, options, &mut plan, config, &projects, &images)?;
    let files = plan_files(&state, options, &plan, &files)?;
    Ok(Scaffold {
        lock_changes: written_lock_changes(&plan, &files),
        next: next_commands(&state, options, &plan),
        root: state.root,
        language: state.language,
        files,
        notes: plan.notes,
    })
}

/// Renders every file that the project has chosen, including those that this call does not write: the README lists them.
fn desired_files(
    state: &ProjectState,
    options: &InitOptions,
    plan: &mut InitPlan,
    config: DesiredConfig,
    projects: &Projects,
    images: &[ImageSummary],
) -> Result<Vec<DesiredFile>, ScaffoldError> {
    let chosen = |part: Part| !plan.remembered.without.contains(&part);
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    if let Some(xtask_crate) = &plan.xtask_crate {
        files.extend(xtask_crate.files.iter().cloned());
    }
    files.extend(config.file);
    match crossdock_path_outside(state, plan) {
        Some(path) if chosen(Part::Dockerfile) => notes.push(format!(
            "no Dockerfile is written: the xtask crate takes crossdock from {path}, which is outside of the build context, and \
             cargo reads all members of a workspace; take crossdock from git or a registry"
        )),
        _ if chosen(Part::Dockerfile) || chosen(Part::Dockerignore) => {
            let projects = with_xtask(projects, state, plan);
            // A Dockerfile whose part this call does not write stays even with `--force`.
            let edited_files =
                if plan.writes(Part::Dockerfile) { options.edited_files } else { EditedFiles::Keep };
            let rendered =
                docker_files(&config.config, &projects, &plan_request(options), edited_files)?;
            files.extend(rendered.0);
            notes.extend(rendered.1);
        }
        _ => {}
    }
    if let Some(install) = &plan.pipeline_install {
        let pipeline = Pipeline { config: &config.config, images, language: state.language, install };
        if chosen(Part::Github) {
            files.extend(github_workflow(&pipeline, &plan.remembered)?);
        }
        if chosen(Part::Gitlab) {
            files.extend(gitlab_pipeline(&pipeline, &plan.remembered)?);
        }
    }
    if chosen(Part::Kubernetes) {
        for image in images {
            match kubernetes_manifest(image)? {
                Availability::Available(file) => files.push(file),
                Availability::Unavailable(unavailable) => notes.push(unavailable.why),
            }
        }
    }
    files.retain(|file| chosen(file.part));
    if chosen(Part::Readme) && !has_own_readme(&state.root) {
        files.push(readme(plan.command, images, &files)?);
    }
    plan.notes.extend(notes);
    Ok(files)
}

/// Compares the files of this call with the disk, in the order in which they are written.
fn plan_files(
    state: &ProjectState,
    options: &InitOptions,
    plan: &InitPlan,
    files: &[DesiredFile],
) -> Result<Vec<PlannedFile>, ScaffoldError> {
    let has_manifest = state.root.join("Cargo.toml").symlink_metadata().is_ok();
    let adds_xtask = plan.writes(Part::Xtask);
    let mut starter = state.starter.clone();
    starter.retain(|file| file.path != "Cargo.toml" || !has_manifest);
    for file in starter.iter_mut().filter(|file| adds_xtask && file.path == "Cargo.toml") {
        if let Ok(MergeResult::Changed(text)) = add_workspace_entries(&file.body, &["xtask"], &[]) {
            file.body = text;
        }
    }
    let chosen = files.iter().filter(|file| plan.writes(file.part));
    let mut planned = Vec::new();
    for file in chosen.chain(&starter) {
        planned.push(plan_generated_file(&state.root, file, options.edited_files)?);
    }
    if adds_xtask {
        planned.push(plan_merged_file(&state.root, &alias_edit(&state.root))?);
    }
    if has_manifest && state.language == Language::Rust {
        let members = if adds_xtask { vec!["xtask"] } else { Vec::new() };
        let manifest = plan_merged_file(&state.root, &workspace_edit(members, &planned))?;
        // Without the crate, a manifest that needs no entry is not listed.
        planned.extend(Some(manifest).filter(|manifest| adds_xtask || manifest.state != State::Clean));
    }
    // The workspace's manifest goes last: a call that is killed before leaves a project that builds as it did.
    planned.sort_by_key(|file| file.path == "Cargo.toml");
    Ok(planned)
}

/// The packages that this call adds to `Cargo.lock`; `None` if it does not write the crate's manifest.
fn written_lock_changes(plan: &InitPlan, files: &[PlannedFile]) -> Option<LockChanges> {
    let writes = |file: &&PlannedFile| file.path == "xtask/Cargo.toml" && file.state != State::Clean;
    files.iter().find(writes)?;
    plan.xtask_crate.as_ref()?.lock_changes.clone()
}

/// Returns the commands that build the project, as seen from the caller's working directory.
fn next_commands(state: &ProjectState, options: &InitOptions, plan: &InitPlan) -> Vec<String> {
    let near = state.root.strip_prefix(&options.working_directory).unwrap_or(&state.root);
    let enter = (!near.as_str().is_empty()).then(|| format!("cd {}", quote(near.as_str())));
    enter.into_iter().chain([format!("{} dist", plan.command)]).collect()
}

/// Returns the path to crossdock if the crate takes it from outside of the project.
fn crossdock_path_outside(state: &ProjectState, plan: &InitPlan) -> Option<Utf8PathBuf> {
    plan.xtask_crate.as_ref()?;
    let Some(CrossdockSource::Path(path)) = &plan.remembered.crossdock_source else { return None };
    (!normalized_path(state.root.join(path)).starts_with(&state.root)).then(|| path.clone())
}

/// Returns the projects as they will be: the crate is a member, and its directory part of the build context.
fn with_xtask(projects: &Projects, state: &ProjectState, plan: &InitPlan) -> Projects {
    let mut projects = projects.clone();
    let Some(Project::Rust(workspace)) = projects.projects.get_mut(&state.discovered_at) else {
        return projects;
    };
    if plan.xtask_crate.is_some() {
        workspace.sources.inside.insert("xtask".to_owned());
    }
    projects
}
