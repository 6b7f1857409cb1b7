//! The files that crossdock adds to a project.

pub use crossdock_scaffold::{
    Action, CrossdockSource, EditedFiles, InitOptions, LockChanges, Part, PartSelection, PlannedFile,
    Scaffold, State, WriteReport,
};

use crossdock_project::{LanguageError, Network, ProjectError};
use crossdock_scaffold::ScaffoldError;

use crate::context::Context;
use crate::discover::project_error;
use crate::error::{Error, ErrorKind};

impl Context {
    /// Returns the default options for a project in this context's directory.
    ///
    /// # Errors
    /// No directory for the cache is known.
    pub fn init_options(&self) -> Result<InitOptions, Error> {
        let cache = self.cache_directory()?.join("init");
        let mut options = InitOptions::new(self.environment.directory.clone(), cache);
        options.network = self.network(Network::Online);
        Ok(options)
    }
}

/// Decides which files a project gets and what happens to existing ones. Nothing is written; see [`write_scaffold`].
///
/// ```
/// use crossdock::scaffold::{scaffold, write_scaffold};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let options = context.init_options()?;
/// let files = scaffold(&context, &options)?;
/// assert!(files.files.iter().any(|file| file.path == "Dockerfile" || file.path.as_str().contains("workflows")));
/// write_scaffold(&context, &files, options.network)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The directory contains no project, or the options contradict it.
pub fn scaffold(context: &Context, options: &InitOptions) -> Result<Scaffold, Error> {
    context.unless_cancelled(|| {
        crossdock_scaffold::plan_scaffold(options, &context.processes).map_err(|error| explained(&error))
    })
}

/// Writes the files of a scaffold. A file that a person edited is kept, or replaced with a backup, as the options say.
///
/// # Errors
/// A file cannot be written; the files before it have been written.
pub fn write_scaffold(
    context: &Context,
    scaffold: &Scaffold,
    network: Network,
) -> Result<WriteReport, Error> {
    context
        .unless_cancelled(|| scaffold.write(network, &context.processes).map_err(|error| explained(&error)))
}

fn explained(error: &ScaffoldError) -> Error {
    let plain = |kind| Error::new(kind, error);
    match error {
        ScaffoldError::Project(inner) => {
            let plain = project_error(inner);
            match inner {
                ProjectError::Language(LanguageError::NotAProject { .. } | LanguageError::NotADirectory { .. }) => {
                    plain.hint(
                        "start from a small program with `crossdock init --template go` or `--template rust`",
                    )
                }
                _ => plain,
            }
        }
        ScaffoldError::CrossdockUnavailable { .. } => plain(ErrorKind::Usage).hint(
            "nothing was written; omit the crate with `--without xtask`, or choose another source with `--crossdock`",
        ),
        ScaffoldError::Unwritable { .. } | ScaffoldError::Read { .. } | ScaffoldError::Write { .. } => {
            plain(ErrorKind::InputOutput)
        }
        _ => plain(ErrorKind::Usage),
    }
}
