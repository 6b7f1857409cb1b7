//! `crossdock push` and `pull`: images to and from registries.

use std::fmt::Write as _;

use crossdock::execute::{ImageReport, ImageStatus, Report, bytes};
use crossdock::oci::RegistryReference;
use crossdock::plan::{Goal, Plan};
use crossdock::registry::{
    LeftBehind, Naming, NewRepository, PushedImage, Registry, RegistryOptions, check_repositories, pull,
    push, push_built, registry,
};
use crossdock::subject::{Endpoint, Subject};
use crossdock::{BuildOptions, Error, ErrorKind, discover, execute, plan};

use crate::arguments::{
    BuildArgs, ConnectionArgs, DestinationArgs, FinishArgs, PullCommand, PushCommand, PushOutputArgs,
    RegistryArgs, SelectionArgs, StrictnessArgs,
};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn run(session: &Session, arguments: &PushCommand) -> Result<Exit, CommandError> {
    session.check_output(arguments.output.image_refs.as_deref(), "--image-refs")?;
    session.check_output(arguments.output.metadata_file.as_deref(), "--metadata-file")?;
    let registry = creating_client(session, &arguments.registry, &arguments.destination)?;
    let destination = arguments.reference.as_deref().map(parse).transpose()?;
    let (mut subjects, mut images) = (Vec::new(), Vec::new());
    for source in &arguments.sources {
        match Subject::parse(session.context.directory(), source)? {
            Subject::Image(image) => subjects.push(image),
            Subject::Path(path) if session.path(&path).exists() => {
                subjects.push(Endpoint::find(session.context.directory(), source)?);
            }
            // A name of an image has no slash.
            Subject::Path(path) if path.as_str().contains('/') => {
                return Err(CommandError::message(Exit::InputOutput, format!("{path} does not exist")));
            }
            Subject::Path(_) => images.push(source),
        }
    }
    let pushed = match (subjects.as_slice(), images.is_empty()) {
        ([subject], true) => {
            let name = &arguments.sources[0];
            refuse_strictness(session, arguments, name)?;
            let destination = destination.ok_or_else(no_destination)?;
            let view = session.transfer(&format!("pushing {name} to {destination}"));
            let pushed = push(&session.context, &registry, subject, &destination, &view)?;
            drop(view);
            warn_of_left(&pushed.left);
            vec![pushed]
        }
        ([], _) => project(session, &registry, arguments, destination.as_ref(), &images)?,
        _ => {
            let message =
                "only one layout, archive or image can be pushed to one reference; push each by itself";
            return Err(CommandError::message(Exit::Usage, message));
        }
    };
    // The answer comes first: it must not be lost if a file cannot be written.
    if session.json() {
        output::json(&pushed)?;
    } else {
        output::answer(&lines(&pushed))?;
    }
    write_outputs(session, &arguments.output, &pushed)?;
    Ok(Exit::Done)
}

/// Refuses options of verification for a layout or an archive, which is pushed as it is.
fn refuse_strictness(session: &Session, arguments: &PushCommand, path: &str) -> Result<(), CommandError> {
    let StrictnessArgs { strict, all } = arguments.strictness;
    if !strict && !all {
        return Ok(());
    }
    let option = if strict { "--strict" } else { "--all" };
    let message = format!("`{option}` is for this project's images; {path} is pushed without verification");
    Err(CommandError::message(Exit::Usage, message)
        .hint(format!("verify it first: `{} verify {path} {option}`", session.name)))
}

/// Verifies and tags the project's images, and pushes them once all are accepted.
fn project(
    session: &Session,
    registry: &Registry,
    arguments: &PushCommand,
    destination: Option<&RegistryReference>,
    images: &[&String],
) -> Result<Vec<PushedImage>, CommandError> {
    let selection = SelectionArgs {
        image: images.iter().map(|&image| image.clone()).collect(),
        repository: destination.map(|destination| destination.repository.to_string()),
        tag: destination
            .and_then(|destination| destination.tag.as_ref())
            .iter()
            .map(|tag| tag.to_string())
            .collect(),
        ..SelectionArgs::default()
    };
    if destination.is_some_and(|destination| destination.digest.is_some()) {
        let message = "a digest follows from the image; leave out `@…`";
        return Err(CommandError::message(Exit::Usage, message));
    }
    let args = BuildArgs { selection, ..BuildArgs::default() };
    // An image that is only verified may have any verdict, and may be of another commit than its tags say.
    let options: BuildOptions = session.build_options(&args, Goal::Tag)?;
    let named = |error: Error| match images.is_empty() || error.kind() != ErrorKind::Usage {
        true => error,
        false => error.hint("name a layout, an archive or an image of this project"),
    };
    let plan = plan(&discover(&session.context, &options).map_err(named)?).map_err(named)?;
    check(&plan, Naming::Tags, arguments.output.bare)?;
    let execution = session.execute_options(arguments.strictness, &FinishArgs::default());
    let result = execute(&session.context, &plan, &execution, &mut session.progress());
    let report = result.inspect_err(show_refused_in)?;
    let view = session.transfer("pushing");
    Ok(push_built(&session.context, registry, &plan, &report, Naming::Tags, execution.unproven, &view)?)
}

/// Shows the findings on the images that a run refused.
fn show_refused_in(error: &Error) {
    if error.kind() != ErrorKind::Interrupted {
        error.report().into_iter().for_each(show_refused);
    }
}

/// Returns the images that verification rejected.
pub(super) fn refused(report: &Report) -> impl Iterator<Item = &ImageReport> {
    report.images.iter().filter(|image| image.status == ImageStatus::Refused)
}

/// Shows the verdicts of refused images.
pub(super) fn show_refused(report: &Report) {
    refused(report).for_each(|image| output::say(&ui::verdicts(&image.name, &image.verdicts)));
}

/// Checks that the images of a plan can be pushed.
pub(crate) fn check(plan: &Plan, naming: Naming, bare: bool) -> Result<(), CommandError> {
    if bare && plan.images.len() > 1 {
        let message = format!("`--bare` is for one image, and {} are selected", plan.images.len());
        return Err(CommandError::message(Exit::Usage, message).hint("select one with `--image`"));
    }
    Ok(check_repositories(plan, naming)?)
}

pub(crate) fn pull_image(session: &Session, arguments: &PullCommand) -> Result<Exit, CommandError> {
    let registry = client(session, &arguments.registry)?;
    let reference = parse(&arguments.reference)?;
    let view = session.transfer(&format!("pulling {reference}"));
    let digest = pull(&session.context, &registry, &reference, &arguments.output, &view)?;
    drop(view);
    let name = format!("{}@{digest}", reference.repository);
    if session.json() {
        let answer = serde_json::json!({
            "reference": name, "digest": digest.to_string(), "layout": session.path(&arguments.output),
        });
        output::json(&answer)?;
    } else {
        output::answer(&format!("{name}\n"))?;
    }
    Ok(Exit::Done)
}

/// Returns a client with the options of the command line.
pub(crate) fn client(session: &Session, arguments: &RegistryArgs) -> Result<Registry, CommandError> {
    let mut options = options(session, &arguments.connection);
    options.chunk_size = arguments.chunk_size;
    Ok(registry(&session.context, &options)?)
}

/// Returns a client for a push, which may create repositories.
pub(crate) fn creating_client(
    session: &Session,
    arguments: &RegistryArgs,
    destination: &DestinationArgs,
) -> Result<Registry, CommandError> {
    let mut options = options(session, &arguments.connection);
    options.chunk_size = arguments.chunk_size;
    options.verify_remote = destination.verify_remote;
    options.create = destination.create_repository.then(|| {
        let mut wanted = NewRepository::default();
        wanted.immutable_tags = destination.immutable_tags;
        wanted.tags.clone_from(&destination.repository_tag);
        wanted
    });
    Ok(registry(&session.context, &options)?)
}

/// Returns the options of connections.
pub(crate) fn options(session: &Session, arguments: &ConnectionArgs) -> RegistryOptions {
    let mut options = RegistryOptions::new();
    options.insecure.clone_from(&arguments.insecure_registry);
    options.ca_files = arguments.ca_file.iter().map(|path| session.path(path)).collect();
    options.auth_file = arguments.auth_file.as_ref().map(|path| session.path(path));
    options
}

pub(crate) fn parse(text: &str) -> Result<RegistryReference, CommandError> {
    text.parse().map_err(|error: crossdock::oci::ReferenceError| CommandError::new(Exit::Usage, &error))
}

/// Names the manifests about an image that did not follow it.
pub(super) fn warn_of_left(left: &[LeftBehind]) {
    for left in left {
        output::warning(&format!("{} was left behind: {}", left.digest, left.why));
    }
}

fn no_destination() -> CommandError {
    CommandError::message(Exit::Usage, "specify where to push, e.g. `registry.example/team/app:1.0`")
}

/// Writes the files of `--image-refs` and, if the caller does not write it with a report, `--metadata-file`.
pub(crate) fn write_outputs(
    session: &Session,
    output: &PushOutputArgs,
    pushed: &[PushedImage],
) -> Result<(), CommandError> {
    if let Some(path) = &output.image_refs {
        let references: String = pushed.iter().map(|image| format!("{}\n", image.reference)).collect();
        session.write_output(path, "--image-refs", &references)?;
    }
    session.write_metadata(&metadata(pushed), output.metadata_file.as_deref())
}

/// Returns what `docker buildx build --metadata-file` writes, for the tools that read it: of one image, its digest and
/// names; of several, an object for each (BuildKit, `containerimage.digest`; buildx bake, metadata of targets).
pub(crate) fn metadata(pushed: &[PushedImage]) -> serde_json::Map<String, serde_json::Value> {
    let one = |image: &PushedImage| {
        let names = if image.tags.is_empty() { image.reference.clone() } else { image.tags.join(",") };
        [
            ("containerimage.digest".to_owned(), image.digest.to_string().into()),
            ("image.name".to_owned(), names.into()),
        ]
    };
    match pushed {
        [image] => one(image).into_iter().collect(),
        images => images
            .iter()
            .map(|image| (image.image.clone(), serde_json::Value::Object(one(image).into_iter().collect())))
            .collect(),
    }
}

/// Returns a line for each reference that can now be pulled.
pub(crate) fn lines(pushed: &[PushedImage]) -> String {
    let mut lines = String::new();
    for image in pushed {
        let names = if image.tags.is_empty() { std::slice::from_ref(&image.reference) } else { &image.tags };
        for name in names {
            // Writing to a string cannot fail.
            let _written = match image.tags.is_empty() {
                true => writeln!(lines, "{name}"),
                false => writeln!(lines, "{name}@{}", image.digest),
            };
        }
    }
    lines
}

/// Returns a sentence for each image that was pushed.
pub(crate) fn summary(pushed: &[PushedImage]) -> Vec<String> {
    let sentence = |image: &PushedImage| match image.unchanged {
        true => format!("{} is unchanged", image.reference),
        false => format!("pushed {} ({} sent)", image.reference, bytes(image.sent)),
    };
    pushed.iter().map(sentence).collect()
}

/// Adds to an error of pushing that the images are built.
pub(crate) fn after_build(error: Error) -> CommandError {
    let is_interrupted = error.kind() == ErrorKind::Interrupted;
    let error = CommandError::from(error);
    if is_interrupted {
        error
    } else {
        error.hint("the images are built and verified; `push` sends them again")
    }
}
