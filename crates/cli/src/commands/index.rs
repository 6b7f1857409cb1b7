//! `crossdock index create`: one index of the images that several machines built.

use crossdock::index::{CreatedIndex, create_index};
use crossdock::verify::Severity;

use crate::arguments::IndexCreateCommand;
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn create(session: &Session, arguments: &IndexCreateCommand) -> Result<Exit, CommandError> {
    let IndexCreateCommand { reference, sources, output, .. } = arguments;
    let created = create_index(&session.context, reference, sources, &session.index_options(arguments))?;
    created.warnings.iter().for_each(|warning| output::warning(warning));
    session.write_metadata(&created, output.metadata_file.as_deref())?;
    if session.json() {
        output::json(&created)?;
    }
    if !created.named {
        output::say(&ui::verdicts(&created.reference, &created.verdicts));
        let message = format!("{} was not named, because it was not verified", created.reference);
        return Err(CommandError::message(Exit::Rejected, message));
    }
    warn(&created);
    if !session.quiet() {
        for part in &created.platforms {
            output::say(&format!("{}  {}  {}", part.platform, part.digest, part.source));
        }
    }
    if !session.json() {
        output::answer(&format!("{}\n", created.reference))?;
    }
    Ok(Exit::Done)
}

/// Shows the findings of an index that was named in spite of them.
fn warn(created: &CreatedIndex) {
    for target in &created.verdicts {
        for finding in target.findings.iter().filter(|finding| finding.severity != Severity::Note) {
            output::warning(&format!(
                "on {}: {} [{}]\n  help: {}",
                target.target, finding.message, finding.code, finding.help
            ));
        }
    }
}
