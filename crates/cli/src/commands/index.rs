//! `crossdock index create`: one index of the images that several machines built.

use crossdock::registry::create_index;
use crossdock::verify::{Severity, Verification};

use super::push::client;
use crate::arguments::IndexCreateCommand;
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn create(session: &Session, arguments: &IndexCreateCommand) -> Result<Exit, CommandError> {
    let IndexCreateCommand { reference, sources, output, .. } = arguments;
    session.check_output(output.metadata_file.as_deref(), "--metadata-file")?;
    let registry = client(session, &arguments.registry)?;
    let options = session.index_options(arguments);
    let view = session.transfer(&format!("merging {reference}"));
    let created = create_index(&session.context, &registry, reference, sources, &options, &view)?;
    drop(view);
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
    warn(&created.verdicts);
    if !session.quiet() {
        for part in &created.platforms {
            output::say(&format!("{}  {}  {}", part.platform, part.digest, part.source));
        }
        for digest in &created.attached {
            output::say(&format!("attestation  {digest}"));
        }
    }
    if !session.json() {
        output::answer(&format!("{}\n", created.reference))?;
    }
    Ok(Exit::Done)
}

/// Shows the findings of an image that was named in spite of them.
pub(super) fn warn(verdicts: &[Verification]) {
    for target in verdicts {
        for finding in target.findings.iter().filter(|finding| finding.severity != Severity::Note) {
            output::warning(&format!(
                "on {}: {} [{}]\n  help: {}",
                target.target, finding.message, finding.code, finding.help
            ));
        }
    }
}
