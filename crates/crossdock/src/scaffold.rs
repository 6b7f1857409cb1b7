//! The files that make a directory a project of crossdock.

pub use crossdock_scaffold::{
    Action, CrossdockSource, Entry, Existing, Joining, Part, Request, Scaffold, Selection, State, Written,
};

use crossdock_project::{LanguageError, Network, ProjectError};
use crossdock_scaffold::ScaffoldError;

use crate::context::Context;
use crate::discover::project_error;
use crate::error::{Error, ErrorKind};

impl Context {
    /// Returns the request that chooses nothing for a project in this context's directory.
    pub fn scaffold_request(&self) -> Request {
        Request {
            folder: self.environment.directory.clone(),
            directory: self.environment.directory.clone(),
            selection: Selection::default(),
            template: None,
            source: None,
            archives: None,
            nodes: Vec::new(),
            expose: Vec::new(),
            repository: None,
            existing: Existing::Keep,
            network: self.network(Network::Online),
            scratch: self.cache.join("init"),
        }
    }
}

/// Decides which files a project gets and what happens to each that exists. Nothing is written; see
/// [`write_scaffold`].
///
/// ```
/// use crossdock::scaffold::{scaffold, write_scaffold};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let request = context.scaffold_request();
/// let files = scaffold(&context, &request)?;
/// assert!(files.files.iter().any(|file| file.path == "Dockerfile" || file.path.as_str().contains("workflows")));
/// write_scaffold(&context, &files, request.network)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The directory holds no project, or the request contradicts it.
pub fn scaffold(context: &Context, request: &Request) -> Result<Scaffold, Error> {
    crossdock_scaffold::survey(request, &context.processes).map_err(|error| explained(&error))
}

/// Writes the files of a scaffold. A file that a person edited is kept, or replaced with a backup, as the request says.
///
/// # Errors
/// A file cannot be written; those before it are.
pub fn write_scaffold(context: &Context, scaffold: &Scaffold, network: Network) -> Result<Written, Error> {
    scaffold.write(network, &context.processes).map_err(|error| explained(&error))
}

fn explained(error: &ScaffoldError) -> Error {
    let plain = |kind| Error::new(kind, error);
    match error {
        ScaffoldError::Project(inner) => {
            let plain = project_error(inner);
            match inner {
                ProjectError::Language(LanguageError::NotAProject { .. } | LanguageError::NotADirectory { .. }) => {
                    plain.hint(
                        "`crossdock init --template go` or `--template rust` writes a small program to begin with",
                    )
                }
                _ => plain,
            }
        }
        ScaffoldError::Source { .. } => plain(ErrorKind::Usage).hint(
            "nothing was written; `--without xtask` does without the crate, `--crossdock` names another place",
        ),
        ScaffoldError::Place { .. } | ScaffoldError::Read { .. } | ScaffoldError::Write { .. } => {
            plain(ErrorKind::InputOutput)
        }
        _ => plain(ErrorKind::Usage),
    }
}
