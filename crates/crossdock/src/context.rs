//! The surroundings of a call.

use std::fmt;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_project::config::Overrides;

use crate::error::{Error, ErrorKind, input_output, usage};
use crate::process::{Cancel, Environment, Processes, Watch};

type Receiver = Arc<dyn Fn(Notice<'_>) + Send + Sync>;

/// A sentence that deserves a person's attention. It does not stop the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// An assumption or a choice that was made.
    Note(&'a str),
    /// A fact that will probably make a later step fail.
    Warning(&'a str),
}

/// The surroundings of a call: environment variables, working directory, cache directory, cancellation, and the
/// receiver of notices. No function of this library reads a global; a context holds everything that it can see.
///
/// `CROSSDOCK_*` variables of the environment take effect as they do on the command line; an [`Environment`] without
/// them has no such settings.
#[derive(Clone)]
pub struct Context {
    pub(crate) program: String,
    pub(crate) environment: Arc<Environment>,
    pub(crate) cancel: Cancel,
    pub(crate) processes: Processes,
    /// `None` if no variable names its place, as in a container without a home directory. Many jobs need no cache.
    cache: Option<Utf8PathBuf>,
    pub(crate) overrides: Overrides,
    receiver: Receiver,
}

impl Context {
    /// Returns the surroundings of this process: its environment variables and its working directory.
    ///
    /// # Errors
    /// The working directory is unreadable or not UTF-8, or a `CROSSDOCK_*` variable has an invalid value.
    pub fn of_process() -> Result<Self, Error> {
        Self::builder(Environment::from_process().map_err(input_output)?).finish()
    }

    /// Returns a builder around an environment.
    ///
    /// ```
    /// use crossdock::{Context, Environment};
    ///
    /// let environment = Environment::new("/srv/project").with_variable("HOME", "/home/builder");
    /// let context = Context::builder(environment).finish()?;
    /// assert_eq!(context.directory(), "/srv/project");
    /// # Ok::<(), crossdock::Error>(())
    /// ```
    pub fn builder(environment: Environment) -> ContextBuilder {
        ContextBuilder {
            program: "crossdock".to_owned(),
            environment,
            cancel: Cancel::default(),
            receiver: Arc::new(|_| {}),
            watch: Watch::default(),
        }
    }

    /// Returns the directory that relative paths are resolved against.
    pub fn directory(&self) -> &Utf8Path {
        &self.environment.directory
    }

    /// Returns the environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the cache directory: `CROSSDOCK_CACHE_DIR`, else the platform's usual place below the home directory.
    ///
    /// # Errors
    /// Neither `CROSSDOCK_CACHE_DIR` nor `HOME` names a directory.
    pub fn cache_directory(&self) -> Result<&Utf8Path, Error> {
        self.cache.as_deref().ok_or_else(|| {
            let message = "no directory for the cache is known; set CROSSDOCK_CACHE_DIR or HOME";
            Error::from_message(ErrorKind::Usage, message)
        })
    }

    /// Returns the settings of `CROSSDOCK_*` variables.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Returns the runner of child processes, with this environment and cancellation.
    pub fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Returns the value of `SOURCE_DATE_EPOCH`, the date of all images, in seconds since 1970; `None` if unset.
    /// See <https://reproducible-builds.org/specs/source-date-epoch/>.
    ///
    /// # Errors
    /// The value is not a number, negative, or after the year 9999.
    pub fn source_date_epoch(&self) -> Result<Option<i64>, Error> {
        let Some(text) = self.environment.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
        let seconds = text.parse::<i64>().ok().filter(|seconds| (0..=MAX_DATE).contains(seconds));
        let invalid = || {
            let message = format!(
                "SOURCE_DATE_EPOCH is `{text}`; set it to a number of seconds since 1970, up to the year 9999"
            );
            Error::from_message(ErrorKind::Usage, message)
        };
        seconds.map(Some).ok_or_else(invalid)
    }

    /// Runs a call. If it is cancelled before or during the run, its error is [`ErrorKind::Interrupted`], whatever the
    /// process that was ended by it made of that.
    pub(crate) fn unless_cancelled<T>(&self, call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let interrupted = || Error::from_message(ErrorKind::Interrupted, "interrupted");
        if self.cancel.is_cancelled() {
            return Err(interrupted());
        }
        call().map_err(|error| if self.cancel.is_cancelled() { interrupted() } else { error })
    }

    pub(crate) fn note(&self, note: &str) {
        (self.receiver)(Notice::Note(note));
    }

    pub(crate) fn warn(&self, warning: &str) {
        (self.receiver)(Notice::Warning(warning));
    }
}

/// The last second of the year 9999: RFC 3339 has four digits for a year.
const MAX_DATE: i64 = 253_402_300_799;

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut context = f.debug_struct("Context");
        context.field("directory", &self.environment.directory).field("cache", &self.cache);
        context.finish_non_exhaustive()
    }
}

/// Builds a [`Context`].
#[must_use]
pub struct ContextBuilder {
    program: String,
    environment: Environment,
    cancel: Cancel,
    receiver: Receiver,
    watch: Watch,
}

impl ContextBuilder {
    /// Sets the name by which people call the program, e.g. `cargo xtask`, for hints of errors. The default is
    /// `crossdock`.
    pub fn program(mut self, name: impl Into<String>) -> Self {
        self.program = name.into();
        self
    }

    /// Sets the cancellation that ends child processes. By default nothing ends them.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Sets the receiver of notices. By default they are dropped.
    pub fn on_notice(mut self, receiver: impl Fn(Notice<'_>) + Send + Sync + 'static) -> Self {
        self.receiver = Arc::new(receiver);
        self
    }

    /// Sets the receiver of the processes that answer questions about projects and this machine, such as `go list`, which
    /// may download modules for minutes. By default nothing receives them. The steps of a plan report to an
    /// [`Observer`](crate::execute::Observer) instead.
    ///
    /// ```
    /// use crossdock::process::Watch;
    /// use crossdock::{Context, Environment};
    ///
    /// let watch = Watch::new(|command| {
    ///     let name = command.program.clone();
    ///     Box::new(move |line| eprintln!("{name}: {line}"))
    /// });
    /// let environment = Environment::new("/srv/project").with_variable("HOME", "/home/builder");
    /// let context = Context::builder(environment).watch(watch).finish()?;
    /// # Ok::<(), crossdock::Error>(())
    /// ```
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// Reads the `CROSSDOCK_*` variables and returns the context.
    ///
    /// # Errors
    /// The directory of the environment is relative, or a variable has an invalid value.
    pub fn finish(self) -> Result<Context, Error> {
        let directory = &self.environment.directory;
        if !directory.is_absolute() {
            let message =
                format!("the directory `{directory}` of the environment is relative; make it absolute");
            return Err(Error::from_message(ErrorKind::Usage, message));
        }
        let (overrides, warnings) = Overrides::from_environment(&self.environment).map_err(usage)?;
        warnings.iter().for_each(|warning| (self.receiver)(Notice::Warning(warning)));
        let environment = Arc::new(self.environment);
        Ok(Context {
            program: self.program,
            cancel: self.cancel.clone(),
            processes: Processes::new(environment.clone(), self.cancel).watched_by(self.watch),
            cache: environment.cache_directory(),
            environment,
            overrides,
            receiver: self.receiver,
        })
    }
}
