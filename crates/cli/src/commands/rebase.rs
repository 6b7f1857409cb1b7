//! `crossdock rebase`: another base for an image.

use crossdock::execute::Unproven;
use crossdock::registry::{Rebased, RebasedPlatform, rebase};
use crossdock::subject::Endpoint;

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
        output::say(&ui::verdicts(&rebased.source, &rebased.verdicts));
        let reason = match options.unproven {
            Unproven::Refuse => "verification did not prove that it starts on the new base",
            Unproven::Warn => "verification rejects it on the new base",
        };
        let message = format!("{} was not rebased: {reason}; nothing was pushed", rebased.source);
        return Err(CommandError::message(Exit::Rejected, message));
    }
    super::index::warn(&rebased.verdicts);
    for digest in &rebased.invalid {
        output::warning(&format!(
            "{digest} is about the image on its old base, and was not copied: make it again"
        ));
    }
    if !session.quiet() {
        output::say(&format!("from {} onto {}", rebased.from, rebased.onto));
        rebased.platforms.iter().for_each(|platform| output::say(&sentences(platform)));
    }
    Ok(Exit::Done)
}

/// Returns a line for each name that the image has got.
fn lines(rebased: &Rebased) -> String {
    rebased.tags.iter().map(|tag| format!("{tag}@{}\n", rebased.digest)).collect()
}

fn sentences(platform: &RebasedPlatform) -> String {
    let RebasedPlatform { platform, removed, added, kept, settings, .. } = platform;
    let removed = ui::counted(*removed, "layer");
    let settings: String = settings.iter().map(|setting| format!("\n  {setting}")).collect();
    format!("{platform}: {removed} of the base replaced by {added}, {kept} kept{settings}")
}
