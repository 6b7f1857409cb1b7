//! `crossdock promote`: new names for a verified image.

use crossdock::execute::Unproven;
use crossdock::oci::{RegistryReference, Repository};
use crossdock::plan::{Goal, ImagePlan};
use crossdock::registry::{Promoted, PromotedTag, TagStatus, promote};
use crossdock::{Error, discover, plan};

use super::push::{client, parse};
use crate::arguments::{BuildArgs, PromoteCommand, SelectionArgs};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn run(session: &Session, arguments: &PromoteCommand) -> Result<Exit, CommandError> {
    let PromoteCommand { source, destinations, output, registry, .. } = arguments;
    session.check_output(output.metadata_file.as_deref(), "--metadata-file")?;
    let mut options = session.promote_options(arguments);
    let source = in_registry(source, "promote")?;
    let destinations = match &destinations[..] {
        [] => {
            let image = planned(session, arguments, &source)?;
            options.annotations.clone_from(&image.annotations);
            names_of(&image, &source)?
        }
        names => names.iter().map(|name| in_registry(name, "promote")).collect::<Result<Vec<_>, _>>()?,
    };
    let registry = client(session, registry)?;
    let view = session.transfer(&format!("verifying and promoting {source}"));
    let promoted = promote(&session.context, &registry, &source, &destinations, &options, &view)?;
    drop(view);
    if session.json() {
        output::json(&promoted)?;
    } else {
        output::answer(&lines(&promoted))?;
    }
    session.write_metadata(&promoted, output.metadata_file.as_deref())?;
    if let Some(failure) = &promoted.failure {
        let error = CommandError::message(Exit::InputOutput, &failure.message);
        return Err(failure.hints.iter().fold(error, CommandError::hint));
    }
    if let Some(taken) = promoted.destinations.iter().find(|tag| tag.status == TagStatus::Taken) {
        return Err(not_moved(&promoted, taken));
    }
    if !promoted.promoted {
        output::say(&ui::verdicts(&promoted.source, &promoted.verdicts));
        let reason = match options.unproven {
            Unproven::Refuse => "verification did not prove that it starts",
            Unproven::Warn => "verification rejects it",
        };
        let message = format!("{} got no name: {reason}", promoted.source);
        return Err(CommandError::message(Exit::Rejected, message));
    }
    super::index::warn(&promoted.verdicts);
    promoted.destinations.iter().for_each(|tag| super::push::warn_of_left(&tag.left));
    if !session.quiet() {
        promoted.destinations.iter().for_each(|tag| output::say(&sentence(tag)));
    }
    Ok(Exit::Done)
}

/// Names of skopeo's transports, which are not repositories of Docker Hub here.
const ELSEWHERE: [&str; 7] =
    ["oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "podman:", "containers-storage:", "dir:"];

pub(super) fn in_registry(text: &str, command: &str) -> Result<RegistryReference, CommandError> {
    if ELSEWHERE.iter().any(|transport| text.starts_with(transport)) {
        let message = format!("`{text}` is not in a registry, where `{command}` takes images and names them");
        return Err(
            CommandError::message(Exit::Usage, message).hint("push it first, without a tag that is deployed")
        );
    }
    parse(text.strip_prefix("docker://").unwrap_or(text))
}

/// Returns the image of this project's plan that is in the repository of the source, else the only one.
fn planned(
    session: &Session,
    arguments: &PromoteCommand,
    source: &RegistryReference,
) -> Result<ImagePlan, CommandError> {
    let selection = SelectionArgs {
        image: arguments.image.iter().cloned().collect(),
        tag: arguments.tag.clone(),
        ..SelectionArgs::default()
    };
    let args = BuildArgs { selection, ..BuildArgs::default() };
    let options = session.build_options(&args, Goal::Tag)?;
    let named = |error: Error| error.hint("or name the destinations, e.g. `registry.example/team/app:1.0`");
    let plan = plan(&discover(&session.context, &options).map_err(named)?).map_err(named)?;
    let is_source = |image: &&ImagePlan| {
        let own = image.repository.parse::<Repository>();
        own.is_ok_and(|own| own.full_name() == source.repository.full_name())
    };
    match (plan.images.iter().find(is_source), &plan.images[..]) {
        (Some(image), _) | (None, [image]) => Ok(image.clone()),
        (None, images) => {
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            let message =
                format!("none of the project's images is in {}: {}", source.repository, names.join(", "));
            Err(CommandError::message(Exit::Usage, message)
                .hint("choose one with `--image`, or name the destinations"))
        }
    }
}

/// Returns the names in the repository of the source that a plan gives to an image.
fn names_of(image: &ImagePlan, source: &RegistryReference) -> Result<Vec<RegistryReference>, CommandError> {
    for skipped in &image.skipped_tags {
        output::warning(&format!("left out the tag `{}`: {}", skipped.template, skipped.why));
    }
    if image.tags.is_empty() {
        let message = format!("the project gives no tag to the image `{}`", image.name);
        return Err(
            CommandError::message(Exit::Usage, message).hint("name the destinations, or pass `--tag`")
        );
    }
    image.tags.iter().map(|tag| parse(&format!("{}:{tag}", source.repository))).collect()
}

fn not_moved(promoted: &Promoted, taken: &PromotedTag) -> CommandError {
    let other = taken.previous.map_or_else(|| "another image".to_owned(), |digest| digest.to_string());
    let (name, digest) = (&taken.reference, promoted.digest);
    let message = format!("{name} names {other} already, and must not move to {digest}; nothing was tagged");
    CommandError::message(Exit::Rejected, message).hint("choose another tag, or omit `--immutable`")
}

/// Returns a line for each name that the image has got.
fn lines(promoted: &Promoted) -> String {
    let has_it = |status| matches!(status, TagStatus::Tagged | TagStatus::Moved | TagStatus::Unchanged);
    let tags = promoted.destinations.iter().filter(|tag| has_it(tag.status));
    tags.map(|tag| format!("{}@{}\n", tag.reference, promoted.digest)).collect()
}

fn sentence(tag: &PromotedTag) -> String {
    let name = &tag.reference;
    let followers = match tag.referrers.len() {
        0 => String::new(),
        1 => ", with 1 referrer".to_owned(),
        count => format!(", with {count} referrers"),
    };
    match (tag.status, &tag.previous) {
        (TagStatus::Moved, Some(previous)) => format!("moved {name} from {previous}{followers}"),
        (TagStatus::Unchanged, _) => format!("{name} is unchanged{followers}"),
        _ => format!("tagged {name}{followers}"),
    }
}
