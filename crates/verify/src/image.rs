//! The facts of an image's index and configuration, and the checks of images.

mod dates;
mod elsewhere;
mod engines;
mod entry_point;
mod environment;
mod health_check;
mod platform;
mod user;
mod userland;
mod working_directory;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crossdock_platform::Os;
use crossdock_platform::matching::normal_form;

use crate::launch;
use crate::program::checks::{self, check_file};
use crate::program::container::{Container, Credentials, not_executable, search_path, searched, seen_from};
use crate::root::{EntryKind, ResolveError, Resolved, Root, resolve};
use crate::{Expectation, Finding, Target, codes};

pub use elsewhere::verify_elsewhere;

/// The facts about an image that its index and configuration state, as they are written there.
///
/// ```
/// use crossdock_verify::{ImageFacts, PlatformText};
///
/// let image = ImageFacts::default()
///     .with_config_platform(PlatformText::new("linux", "arm64", None))
///     .with_entrypoint(["/app", "--serve"]);
/// assert_eq!(image.command().collect::<Vec<_>>(), ["/app", "--serve"]);
/// assert_eq!(image.working_directory(), "/");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageFacts {
    /// The platform in the index's entry; `None` if the image has no index.
    pub index_platform: Option<PlatformText>,
    /// The platform in the image's configuration.
    pub config_platform: PlatformText,
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `Env`, as `NAME=VALUE`.
    pub env: Vec<String>,
    /// `User`: `user` or `user:group`, by name or number; empty means root.
    pub user: String,
    /// `WorkingDir`; empty means `/`.
    pub working_directory: String,
    /// The keys of `ExposedPorts`, such as `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// The keys of `Volumes`.
    pub volumes: Vec<String>,
    /// `StopSignal`; empty means `SIGTERM`.
    pub stop_signal: String,
    /// `Healthcheck.Test`: `CMD` and a command's words, `CMD-SHELL` and a line, or `NONE`.
    pub health_check: Vec<String>,
    /// `Shell`, which runs the line of a health check; empty means `/bin/sh -c`.
    pub shell: Vec<String>,
    /// `created` of the configuration and of its history.
    pub dates: Vec<String>,
    /// The number of layers.
    pub layers: usize,
    /// The number of layers that the history describes: its entries without `empty_layer`.
    pub history_layers: usize,
}

/// A platform as an index or configuration spells it. The spelling may be invalid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformText {
    /// `os`.
    pub os: String,
    /// `architecture`.
    pub architecture: String,
    /// `variant`.
    pub variant: Option<String>,
}

impl ImageFacts {
    /// Sets the platform in the index's entry.
    #[must_use]
    pub fn with_index_platform(mut self, platform: PlatformText) -> ImageFacts {
        self.index_platform = Some(platform);
        self
    }

    /// Sets the platform in the configuration.
    #[must_use]
    pub fn with_config_platform(mut self, platform: PlatformText) -> ImageFacts {
        self.config_platform = platform;
        self
    }

    /// Sets `Entrypoint`.
    #[must_use]
    pub fn with_entrypoint(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.entrypoint = texts(words);
        self
    }

    /// Sets `Cmd`.
    #[must_use]
    pub fn with_cmd(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.cmd = texts(words);
        self
    }

    /// Sets `Env`, as `NAME=VALUE`.
    #[must_use]
    pub fn with_env(mut self, variables: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.env = texts(variables);
        self
    }

    /// Sets `User`.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> ImageFacts {
        self.user = user.into();
        self
    }

    /// Sets `WorkingDir`.
    #[must_use]
    pub fn with_working_directory(mut self, directory: impl Into<String>) -> ImageFacts {
        self.working_directory = directory.into();
        self
    }

    /// Sets the keys of `ExposedPorts`, such as `80/tcp`.
    #[must_use]
    pub fn with_exposed_ports(mut self, ports: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.exposed_ports = texts(ports);
        self
    }

    /// Sets the keys of `Volumes`.
    #[must_use]
    pub fn with_volumes(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.volumes = texts(paths);
        self
    }

    /// Sets `StopSignal`.
    #[must_use]
    pub fn with_stop_signal(mut self, signal: impl Into<String>) -> ImageFacts {
        self.stop_signal = signal.into();
        self
    }

    /// Sets `Healthcheck.Test`.
    #[must_use]
    pub fn with_health_check(mut self, test: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.health_check = texts(test);
        self
    }

    /// Sets `Shell`.
    #[must_use]
    pub fn with_shell(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.shell = texts(words);
        self
    }

    /// Sets `created` of the configuration and of its history.
    #[must_use]
    pub fn with_dates(mut self, dates: impl IntoIterator<Item = impl Into<String>>) -> ImageFacts {
        self.dates = texts(dates);
        self
    }

    /// Sets the number of layers, and the number of those that the history describes.
    #[must_use]
    pub fn with_layers(mut self, layers: usize, in_history: usize) -> ImageFacts {
        (self.layers, self.history_layers) = (layers, in_history);
        self
    }

    /// Returns the words that the runtime executes: those of the entry point, then those of the command.
    pub fn command(&self) -> impl Iterator<Item = &str> {
        let entrypoint = if self.has_empty_entrypoint() { &[] } else { &*self.entrypoint };
        entrypoint.iter().chain(&self.cmd).map(String::as_str)
    }

    /// Returns whether the entry point is a single empty word, which removes that of a base image: Docker, podman and
    /// Kubernetes then start the command (containerd's `WithProcessArgs` in `pkg/cri/opts/spec_opts.go`).
    pub(crate) fn has_empty_entrypoint(&self) -> bool {
        self.entrypoint.iter().eq([""])
    }

    /// Returns the working directory; `/` if the configuration names none.
    pub fn working_directory(&self) -> &str {
        if self.working_directory.is_empty() { "/" } else { &self.working_directory }
    }

    /// Returns the directories of PATH in the container, in order, as absolute paths: each once, and at most a thousand.
    pub fn search_path(&self) -> Vec<String> {
        let directories = searched(search_path(&self.env));
        directories.map(|directory| seen_from(self.working_directory(), directory)).collect()
    }

    /// Returns whether a shell starts the program: `["/bin/sh", "-c", …]`.
    pub fn is_shell_form(&self) -> bool {
        let mut words = self.command();
        // By the end of the name: `/bin/sh`, `/bin/bash` and busybox's `ash` are written in SHELL too.
        words.next().is_some_and(|word| word.ends_with("sh")) && words.next() == Some("-c")
    }
}

fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}

impl PlatformText {
    /// Creates a platform with this spelling. An empty variant is none.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> PlatformText {
        PlatformText {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.filter(|variant| !variant.is_empty()).map(str::to_owned),
        }
    }

    /// Returns containerd's normal form (`platforms.Normalize`): aliases of an architecture become its one name, and a
    /// variant that is the default is removed.
    #[must_use]
    pub fn normalized(&self) -> PlatformText {
        let variant = self.variant.as_deref().unwrap_or_default();
        let (os, architecture, variant) = normal_form(&self.os, &self.architecture, variant);
        PlatformText::new(&os, &architecture, Some(&variant))
    }
}

impl fmt::Display for PlatformText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// Verifies an image for a target: its configuration, the program that it starts, and every program that the plan put
/// into it.
///
/// `planned` maps absolute paths in the image to the expectations of the plan for the program there.
pub fn verify_image(
    image: &ImageFacts,
    root: &dyn Root,
    target: &Target,
    planned: &BTreeMap<String, Expectation>,
) -> Vec<Finding> {
    let is_linux = matches!(target.os(), Os::Linux | Os::Android);
    let mut findings = Vec::new();
    platform::check(image, target, &mut findings);
    dates::check(image, target, &mut findings);
    if is_linux {
        environment::check(image, target, &mut findings);
        engines::check(image, target, root, &mut findings);
    }
    let credentials = user::find(image, target, root, &mut findings);
    user::check_ports(image, target, &credentials, &mut findings);
    let environment = shared(&image.env);
    let container = in_image(image, &environment, root, &credentials);
    if is_linux {
        working_directory::check(image, target, container, &mut findings);
    }
    let started = entry_point::find(image, target, container, &mut findings);
    let mut verified = Vec::new();
    for (path, expectation) in planned {
        if let Some(found) = planned_file(path, target, container, &mut findings) {
            findings.extend(check_file(&found, target, Some(expectation), container, 0));
            verified.push(found.path);
        }
    }
    // The program that starts is often a planned one, which was verified with the plan's expectations already.
    if let Some(started) = started {
        if !verified.contains(&started.path) {
            findings.extend(check_file(&started, target, None, container, 0));
        }
        findings.extend(launch::follow(
            launch::Context { target, container, volumes: &launch::Volumes::of(&image.volumes) },
            image.command(),
            &started,
        ));
    }
    if is_linux {
        userland::check(root, target, &mut findings);
        health_check::check(image, target, container, &mut findings);
    }
    findings
}

/// The number of other files whose findings are kept. The programs of a system for another machine are some thousands,
/// and a hostile image has half a million.
const MAX_OTHERS: usize = 1000;

/// Verifies executable files of an image that neither the plan mentions nor the image starts. If more than a thousand have
/// findings, one finding is about the rest: it has the code of the gravest.
///
/// A program is verified as if the image started it. A shared library never starts by itself, so only its machine is
/// checked. A file that is not a program gives no finding, since data files often have execute bits.
pub fn verify_others(
    paths: impl IntoIterator<Item = String>,
    image: &ImageFacts,
    root: &dyn Root,
    target: &Target,
) -> Vec<Finding> {
    // The findings about the user are dropped: `verify_image` reports them.
    let credentials = user::find(image, target, root, &mut Vec::new());
    let environment = shared(&image.env);
    let container = in_image(image, &environment, root, &credentials);
    let mut found =
        paths.into_iter().map(|path| other(&path, target, container)).filter(|found| !found.is_empty());
    let mut findings: Vec<Finding> = found.by_ref().take(MAX_OTHERS).flatten().collect();
    let (mut more, mut gravest) = (0, None::<Finding>);
    for found in found {
        more += 1;
        let effect = |finding: &Finding| finding.code.effect();
        // The last of several equal ones is the first that was found.
        gravest = found.into_iter().rev().chain(gravest).max_by_key(effect);
    }
    if let Some(gravest) = gravest {
        let message = format!("{more} more executable files have findings, one of them: {}", gravest.message);
        findings.push(Finding::new(gravest.code, target.name(), "", message).with_help(gravest.help));
    }
    findings
}

/// Returns the findings about an executable file that the image does not start.
fn other(path: &str, target: &Target, container: Container<'_>) -> Vec<Finding> {
    let mut findings = match resolve(container.root, path) {
        Ok(found) => check_file(&found, target, None, container, 0),
        // A file that a mount hides never starts.
        Err(ResolveError::Hidden { .. }) => Vec::new(),
        Err(error) => vec![Finding::new(codes::UNREADABLE, target.name(), path, format!("{error}."))],
    };
    findings.retain(|finding| !checks::concerns_no_program(finding.code));
    findings
}

/// Returns the variables such that the processes of the image share them.
fn shared(variables: &[String]) -> Vec<Rc<str>> {
    variables.iter().map(|variable| Rc::from(variable.as_str())).collect()
}

fn in_image<'a>(
    image: &'a ImageFacts,
    environment: &'a [Rc<str>],
    root: &'a dyn Root,
    user: &'a Credentials,
) -> Container<'a> {
    Container { root, environment, working_directory: image.working_directory(), user }
}

/// Returns the file of a planned program, with links resolved. It must exist and be executable even if the image starts
/// another program.
fn planned_file(
    path: &str,
    target: &Target,
    image: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    match resolve(image.root, path) {
        Ok(found) => {
            findings.extend(not_executable(target, path, &found, image.user));
            (found.entry.kind == EntryKind::File).then_some(found)
        }
        Err(ResolveError::Unreadable(error)) => {
            findings.push(Finding::new(codes::UNREADABLE, target.name(), path, format!("{error}.")));
            None
        }
        Err(error) => {
            let message = format!("The plan puts a program at {path}, and {error}.");
            findings.push(Finding::new(codes::ENTRY_POINT_MISSING, target.name(), path, message));
            None
        }
    }
}
