//! `crossdock rebase`: another base for an image.

use std::collections::BTreeSet;

use crossdock::execute::Unproven;
use crossdock::registry::{InvalidReferrers, Rebased, RebasedPlatform, rebase};
use crossdock::subject::Endpoint;
use crossdock::verify::Verdict;

use super::promote::in_registry;
use super::push::client;
use crate::arguments::RebaseCommand;
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn run(session: &Session, arguments: &RebaseCommand) -> Result<Exit, CommandError> {
    let RebaseCommand { source, destinations, onto, from, output, registry, .. } = arguments;
    session.check_output(output.metadata_file.as_deref(), "--metadata-file")?;
    let mut options = session.rebase_options(arguments);
    let source = in_registry(source, "rebase")?;
    let destinations =
        destinations.iter().map(|name| in_registry(name, "rebase")).collect::<Result<Vec<_>, _>>()?;
    let onto: Endpoint = onto.parse()?;
    options.from = from.as_ref().map(|from| from.parse()).transpose()?;
    let registry = client(session, registry)?;
    let view = session.transfer(&format!("rebasing {source}"));
    let rebased = rebase(&session.context, &registry, &source, &onto, &destinations, &options, &view)?;
    drop(view);
    if session.json() {
        output::json(&rebased)?;
    } else {
        output::answer(&lines(&rebased))?;
    }
    session.write_metadata(&rebased, output.metadata_file.as_deref())?;
    if !rebased.pushed {
        return Err(refusal(&rebased, options.unproven));
    }
    super::index::warn(&rebased.verdicts);
    rebased.invalid.iter().for_each(|invalid| output::warning(&not_valid(invalid)));
    if !session.quiet() {
        output::say(&format!("from {} onto {}", rebased.from, rebased.onto));
        rebased.platforms.iter().for_each(|platform| output::say(&sentences(platform)));
    }
    Ok(Exit::Done)
}

/// Shows the verdicts if they are a reason to refuse the image, and returns the error with all reasons.
fn refusal(rebased: &Rebased, unproven: Unproven) -> CommandError {
    let verdict = match (rebased.verdict(), unproven) {
        (Verdict::Fails, _) => Some("verification rejects it on the new base"),
        (Verdict::Unproven, Unproven::Refuse) => {
            Some("verification did not prove that it starts on the new base")
        }
        _ => None,
    };
    if verdict.is_some() {
        output::say(&ui::verdicts(&rebased.source, &rebased.verdicts));
    }
    let reasons = rebased.refused.iter().map(|refused| refused.message.as_str()).chain(verdict);
    let reasons = reasons.collect::<Vec<_>>().join("; ");
    let message = format!("{} was not rebased: {reasons}; nothing was pushed", rebased.source);
    let hints: BTreeSet<&String> = rebased.refused.iter().flat_map(|refused| &refused.hints).collect();
    hints.into_iter().fold(CommandError::message(Exit::Rejected, message), CommandError::hint)
}

/// The number of digests that a warning names.
const NAMED: usize = 10;

fn not_valid(invalid: &InvalidReferrers) -> String {
    let InvalidReferrers { kind, digests, .. } = invalid;
    let named: Vec<String> = digests.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match digests.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (manifests, were) = match digests.len() {
        1 => ("1 manifest is".to_owned(), "was"),
        count => (format!("{count} manifests are"), "were"),
    };
    format!(
        "{kind}: {manifests} about the image on its old base, and {were} not copied; make them again: {}{more}",
        named.join(", ")
    )
}

/// Returns a line for each name that the image has got.
fn lines(rebased: &Rebased) -> String {
    let digest = rebased.digest.into_iter();
    digest.flat_map(|digest| rebased.tags.iter().map(move |tag| format!("{tag}@{digest}\n"))).collect()
}

fn sentences(platform: &RebasedPlatform) -> String {
    let RebasedPlatform { platform, removed, added, kept, settings, .. } = platform;
    let removed = ui::counted(*removed, "layer");
    let settings: String = settings.iter().map(|setting| format!("\n  {setting}")).collect();
    format!("{platform}: {removed} of the base replaced by {added}, {kept} kept{settings}")
}
