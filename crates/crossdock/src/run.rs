//! A container of this project's image, or of any other one, in the engine at hand.

#[cfg(feature = "registry")]
use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use crossdock_project::config::Sourced;
use crossdock_system::process::{Cancel, Command, ProcessError, Processes, StandardInput};

use crate::context::Context;
use crate::discover::discover;
use crate::error::{Error, ErrorKind};
use crate::execute::{ExecuteOptions, Observer, execute};
use crate::options::BuildOptions;
use crate::plan::{Goal, ImagePlan, LoadEngine, Plan, plan};
use crate::temporary::Place;

/// Returns the tag of an image that is loaded only to be run: one that only this process uses, so that no tag of the user's or of
/// another run moves.
fn tag() -> String {
    format!("crossdock-run-{}", std::process::id())
}

/// The time that a program has to end by itself after Ctrl-C, in seconds: docker's own default.
const GRACE: &str = "10";

/// Options of [`prepare_container`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// The image; the only one of the project if `None`.
    pub image: Option<Sourced<String>>,
    /// The engine; the first that answers of docker and podman if `None`.
    pub engine: Option<LoadEngine>,
    /// Ports of the host for exposed ports, and further ports. An exposed port that is not among them has the same
    /// number on the host.
    pub publish: Vec<PublishedPort>,
    /// Arguments for the program instead of those that the image has.
    pub arguments: Vec<String>,
    /// The standard input of the program. A terminal is of no use: the engine would give Ctrl-C to the program, which may
    /// ignore it.
    pub input: StandardInput,
    /// Whether tools may use the network while the image is built.
    pub network: crate::Network,
    /// The configuration file instead of the nearest `crossdock.toml`.
    pub config: Option<Utf8PathBuf>,
}

impl RunOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// A port of a container, and the address of the host at which it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedPort {
    /// The address and port on the engine's machine, such as `127.0.0.1:8080`.
    pub host: String,
    /// The port and protocol in the container, such as `8080/tcp`.
    pub container: String,
}

impl std::str::FromStr for PublishedPort {
    type Err = String;

    /// Parses `[ADDRESS:]PORT:PORT[/PROTOCOL]`, the port of the host first. Without an address only programs of the
    /// engine's machine reach it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not a published port; write it as `8081:8080` or `0.0.0.0:8081:8080/udp`")
        };
        let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port != 0);
        let (host, container) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (port, protocol) = container.split_once('/').unwrap_or((container, "tcp"));
        let (address, host_port) = host.rsplit_once(':').unwrap_or((LOOPBACK, host));
        if address.is_empty()
            || !is_port(port)
            || !is_port(host_port)
            || !["tcp", "udp", "sctp"].contains(&protocol)
        {
            return Err(wrong());
        }
        Ok(Self { host: format!("{address}:{host_port}"), container: format!("{port}/{protocol}") })
    }
}

const LOOPBACK: &str = "127.0.0.1";

/// A container that is ready to start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Container {
    /// The image's name.
    pub image: String,
    /// The engine.
    pub engine: LoadEngine,
    /// The platform, which is that of the engine's machine.
    pub platform: Platform,
    /// The published ports.
    pub ports: Vec<PublishedPort>,
    /// The command that starts it and ends with it.
    pub command: Command,
    input: StandardInput,
    /// The command that stops it.
    stop: Command,
    /// The command that removes the name under which its image was loaded.
    forget: Command,
}

/// Builds an image for the platform of an engine, verifies it, and loads it into the engine under a tag of its own. The
/// project's own layouts and tags stay as they are.
///
/// The engine is called by its client, which chooses the server: by `DOCKER_HOST`, `DOCKER_CONTEXT`, or the context that
/// `docker context use` selected.
///
/// # Errors
/// No engine answers, the image is ambiguous, and the errors of [`discover()`], [`plan()`] and [`execute()`].
pub fn prepare_container(
    context: &Context,
    options: &RunOptions,
    execution: &ExecuteOptions,
    observer: &mut dyn Observer,
) -> Result<Container, Error> {
    context.unless_cancelled(|| {
        let (engine, platform) = context.engine_at_hand(options.engine)?;
        // The project's layout keeps the image for all platforms.
        let place = Place::create(context)?;
        let build = build_options(options, engine, &platform, place.path()?);
        let plan = plan(&discover(context, &build)?)?;
        let image = only_image(&plan, &context.program)?;
        let report = execute(context, &plan, execution, observer)?;
        let loaded = report.images.iter().find_map(|image| image.loaded.clone());
        let loaded = loaded.ok_or_else(|| {
            Error::from_message(
                ErrorKind::InputOutput,
                "internal error: the image was not loaded; please report it",
            )
        })?;
        let exposed = image.container.expose.iter().map(|port| format!("{}/{}", port.number, port.protocol));
        let image = Loaded {
            name: image.name.clone(),
            reference: format!("{}:{}", image.repository, tag()),
            exposed: exposed.collect(),
            run: loaded,
        };
        Ok(container(context, options, image, (engine, platform)))
    })
}

/// Copies an image from wherever it is into an engine under a tag of its own, for the platform of the engine. Nothing is
/// verified.
///
/// # Errors
/// No engine answers, it refuses the image, or the image cannot be read or has no such platform.
#[cfg(feature = "registry")]
pub fn prepare_image(
    context: &Context,
    registry: &crate::registry::Registry,
    from: &crate::subject::Endpoint,
    options: &RunOptions,
    observer: &dyn crate::registry::TransferObserver,
) -> Result<Container, Error> {
    use crate::registry::{CopyOptions, copy};
    use crate::subject::Endpoint;

    context.unless_cancelled(|| {
        let (engine, platform) = context.engine_at_hand(options.engine)?;
        let reference = format!("localhost/crossdock-run:{}", tag());
        let to = Endpoint::Engine { engine, name: reference.clone() };
        copy(context, registry, from, &to, &CopyOptions::new(), observer)?;
        let question = ["image", "inspect", "--format", "{{json .Config.ExposedPorts}}", &reference];
        let answer = crate::container_engine::ask(context, engine, &question)?;
        // `null` if it exposes none.
        let exposed: Option<BTreeMap<String, serde_json::Value>> =
            serde_json::from_str(&answer).map_err(|error| Error::new(ErrorKind::Program, &error))?;
        let image = Loaded {
            name: "crossdock".to_owned(),
            run: reference.clone(),
            reference,
            exposed: exposed.unwrap_or_default().into_keys().collect(),
        };
        let container = container(context, options, image, (engine, platform));
        Ok(Container { image: from.to_string(), ..container })
    })
}

/// An image in an engine, under a name that only this process uses.
struct Loaded {
    /// The first part of the container's name.
    name: String,
    /// The name that is removed afterwards.
    reference: String,
    /// Exposed ports, as `8080/tcp`.
    exposed: Vec<String>,
    /// The name or ID that is run.
    run: String,
}

fn build_options(
    options: &RunOptions,
    engine: LoadEngine,
    platform: &Platform,
    output: &Utf8Path,
) -> BuildOptions {
    let mut build =
        BuildOptions::new().goal(Goal::Dist).platforms([platform.to_string()]).tags([tag()]).output(output);
    build.images = options.image.iter().cloned().collect();
    build.network = options.network;
    build.config.clone_from(&options.config);
    build.load = Some(engine);
    build
}

fn only_image<'p>(plan: &'p Plan, program: &str) -> Result<&'p ImagePlan, Error> {
    match &plan.images[..] {
        [image] => Ok(image),
        images => {
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            let message = format!("the project has {} images: {}", images.len(), names.join(", "));
            let first = names.first().copied().unwrap_or("IMAGE");
            Err(Error::from_message(ErrorKind::Usage, message)
                .hint(format!("name one of them: `{program} run {first}`")))
        }
    }
}

fn container(
    context: &Context,
    options: &RunOptions,
    image: Loaded,
    (engine, platform): (LoadEngine, Platform),
) -> Container {
    let command = |arguments: &[&str]| {
        Command::new(engine.as_str(), context.directory().to_owned()).args(arguments.iter().copied())
    };
    let name = format!("{}-run-{}", image.name, std::process::id());
    let ports = ports(&image.exposed, &options.publish);
    let mut run = command(&["run", "--rm", "--name", &name]);
    if options.input == StandardInput::Inherited {
        run = run.args(["--interactive"]);
    }
    for port in &ports {
        run = run.args(["--publish".to_owned(), format!("{}:{}", port.host, port.container)]);
    }
    Container {
        image: image.name,
        engine,
        platform,
        ports,
        input: options.input,
        command: run.args([image.run]).args(options.arguments.iter().cloned()),
        stop: command(&["stop", "--time", GRACE, &name]),
        forget: command(&["image", "rm", &image.reference]),
    }
}

/// Returns the published ports: those that are given, and each other exposed port under its own number.
fn ports(exposed: &[String], given: &[PublishedPort]) -> Vec<PublishedPort> {
    let exposed = exposed.iter().map(|port| PublishedPort {
        host: format!("{LOOPBACK}:{}", port.split('/').next().unwrap_or_default()),
        container: port.clone(),
    });
    let others = exposed.filter(|port| !given.iter().any(|given| given.container == port.container));
    given.iter().cloned().chain(others).collect()
}

impl Container {
    /// Runs the container with the standard output and error of this process and waits for its end. If the context is
    /// cancelled, the container is stopped: its program gets the image's stop signal, and ten seconds to end.
    ///
    /// Returns the exit status of the engine's client, whose code is that of the program.
    ///
    /// # Errors
    /// The client cannot be started.
    pub fn run(&self, context: &Context) -> Result<ExitStatus, Error> {
        let _cleanup = context.cancel.clean_up();
        // Cancellation must not end the client: it shows what the program prints while it ends.
        let processes = Processes::new(context.environment.clone(), Cancel::default());
        let has_ended = AtomicBool::new(false);
        let status = std::thread::scope(|threads| {
            threads.spawn(|| self.stop_when_cancelled(context, &processes, &has_ended));
            let status = processes.attached(&self.command, self.input);
            has_ended.store(true, Ordering::Relaxed);
            status
        });
        // Another container may use the image, which then keeps its name.
        let _still_in_use = processes.stdout(&self.forget);
        status.map_err(|error: ProcessError| Error::new(ErrorKind::Missing, &error))
    }

    fn stop_when_cancelled(&self, context: &Context, processes: &Processes, has_ended: &AtomicBool) {
        while !has_ended.load(Ordering::Relaxed) {
            if context.cancel.is_cancelled() {
                // Until the engine has made the container, there is nothing to stop, and the command fails.
                if processes.stdout(&self.stop).is_ok() {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ports_are_read_as_docker_reads_them() {
        for (text, host, container) in [
            ("8081:8080", "127.0.0.1:8081", "8080/tcp"),
            ("0.0.0.0:53:53/udp", "0.0.0.0:53", "53/udp"),
            ("[::1]:1:2/tcp", "[::1]:1", "2/tcp"),
        ] {
            let port: PublishedPort = text.parse().unwrap();
            assert_eq!((port.host.as_str(), port.container.as_str()), (host, container), "{text}");
        }
        for text in ["", "8080", "0:8080", "8080:0", "8080:70000", "a:8080", "1:2/icmp", "1:", ":8080:80"] {
            text.parse::<PublishedPort>().unwrap_err();
        }
    }
}
