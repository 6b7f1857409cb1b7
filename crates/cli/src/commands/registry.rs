//! `crossdock inspect` and `copy`: images wherever they are.

use std::fmt::Write as _;

use crossdock::execute::bytes;
use crossdock::registry::{CopyOptions, Inspection, Registry, copy, inspect, verify_subject};
use crossdock::subject::Endpoint;
use crossdock::verify::{Scope, Verdict, Verification};

use super::push::{client, parse, warn_of_left};
use crate::arguments::{CopyCommand, InspectCommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn show(session: &Session, arguments: &InspectCommand) -> Result<Exit, CommandError> {
    let registry = client(session, &arguments.registry)?;
    let subject = Endpoint::find(session.context.directory(), &arguments.subject)?;
    let found = inspect(&session.context, &registry, &subject)?;
    registry.warnings().iter().for_each(|warning| output::warning(warning));
    let verdicts = if arguments.verify { verdicts(session, &registry, subject, &found)? } else { Vec::new() };
    if session.json() {
        output::json(&Answer { found: &found, verdicts: &verdicts })?;
    } else {
        output::answer(&text(&found))?;
        if !verdicts.is_empty() {
            output::answer(&format!("\n{}", ui::verdicts(&found.reference, &verdicts)))?;
        }
    }
    // As of `verify`.
    let fails = verdicts.iter().any(|target| target.verdict() == Verdict::Fails);
    Ok(if fails { Exit::Rejected } else { Exit::Done })
}

/// An image with its verdicts.
#[derive(serde::Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    found: &'a Inspection,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    verdicts: &'a [Verification],
}

/// Verifies an image against its own platforms.
fn verdicts(
    session: &Session,
    registry: &Registry,
    subject: Endpoint,
    found: &Inspection,
) -> Result<Vec<Verification>, CommandError> {
    // The tag may have moved since.
    let subject = match subject {
        Endpoint::Registry(_) => Endpoint::Registry(parse(&found.reference)?),
        subject => subject,
    };
    let view = session.transfer(&format!("reading {}", found.reference));
    let verified = verify_subject(&session.context, registry, &subject, &[], Scope::All, &view)?;
    Ok(verified.into_iter().flat_map(|image| image.targets).collect())
}

pub(crate) fn copy_image(session: &Session, arguments: &CopyCommand) -> Result<Exit, CommandError> {
    let registry = client(session, &arguments.registry)?;
    let from: Endpoint = arguments.source.parse()?;
    let to: Endpoint = arguments.destination.parse()?;
    let view = session.transfer(&format!("copying to {to}"));
    let mut options = CopyOptions::new();
    options.platform.clone_from(&arguments.platform);
    let copied = copy(&session.context, &registry, &from, &to, &options, &view)?;
    drop(view);
    if let Some(source) = copied.source_digest {
        output::note(&format!("the image is {} in {to}, and {source} in {from}", copied.digest));
    }
    warn_of_left(&copied.left);
    if session.json() {
        output::json(&copied)?;
    } else {
        output::answer(&format!("{}\n", copied.digest))?;
    }
    Ok(Exit::Done)
}

/// Returns an image as lines for a person.
fn text(found: &Inspection) -> String {
    let mut text = format!("{}\n{}\n", found.reference, found.media_type);
    let mut line = |text_of_line: String| {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{text_of_line}");
    };
    for platform in &found.platforms {
        line(format!("\n{}  {}  {}", platform.platform, bytes(platform.size), platform.digest));
        let config = &platform.config.config;
        let command = [config.entrypoint.as_slice(), config.cmd.as_slice()].concat();
        for (name, value) in [
            ("command", command.join(" ")),
            ("user", config.user.clone()),
            ("directory", config.working_dir.clone()),
            ("ports", config.exposed_ports.iter().cloned().collect::<Vec<_>>().join(", ")),
            ("created", platform.config.created.clone().unwrap_or_default()),
        ] {
            if !value.is_empty() {
                line(format!("  {name}: {value}"));
            }
        }
        for layer in &platform.layers {
            line(format!("  layer {}  {}", layer.digest, bytes(layer.size)));
        }
    }
    for (title, entries) in [("other entries", &found.others), ("about it", &found.referrers)] {
        if !entries.is_empty() {
            line(format!("\n{title}:"));
        }
        for entry in entries {
            let of = entry.subject.map(|subject| subject.to_string());
            // BuildKit, docs/attestations/attestation-storage.md.
            let buildkit = |name: &str| entry.annotations.get(&format!("vnd.docker.reference.{name}"));
            let of = of.or_else(|| buildkit("digest").cloned());
            let of = of.map(|of| format!("  of {of}")).unwrap_or_default();
            line(format!("  {}  {}{of}", buildkit("type").unwrap_or(&entry.kind), entry.digest));
        }
    }
    if !found.annotations.is_empty() {
        line("\nannotations:".to_owned());
    }
    for (name, value) in &found.annotations {
        line(format!("  {name}: {value}"));
    }
    text
}
