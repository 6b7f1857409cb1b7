//! `crossdock verify`: this project's images, or any images and programs.

use crossdock::plan::Goal;
use crossdock::registry::verify_subject;
use crossdock::subject::{Endpoint, Subject};
use crossdock::verify::{Target, Verdict, Verification, targets, verify_each};
use crossdock::{ErrorKind, discover, execute, plan};

use crate::arguments::{BuildArgs, FinishArgs, SelectionArgs, StrictnessArgs, VerifyCommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn run(session: &Session, arguments: &VerifyCommand) -> Result<Exit, CommandError> {
    if arguments.subjects.is_empty() {
        return project(session, arguments);
    }
    refuse_selection(&arguments.selection)?;
    let options = session.verify_options(&arguments.selection, arguments.strictness);
    let targets = targets(&session.context, &options)?;
    let (mut worst, mut gravest) = (Verdict::Starts, Exit::Done);
    let (mut images, mut paths) = (Vec::new(), Vec::new());
    for text in &arguments.subjects {
        match Subject::parse(session.context.directory(), text.as_str())? {
            Subject::Image(image) => images.push(image),
            Subject::Path(path) => paths.push(path),
        }
    }
    let several = arguments.subjects.len() > 1;
    for image in &images {
        match verify_image(session, arguments, image, &targets) {
            Ok(verdict) => worst = worst.max(verdict),
            Err(error) if several && error.exit != Exit::Interrupted => {
                gravest = gravest.max(error.exit);
                output::error(error);
            }
            Err(error) => return Err(error),
        }
    }
    verify_each(&session.context, &paths, &targets, options.scope, |_, result| match result {
        Ok(verified) => verified.iter().try_for_each(|verified| {
            worst = worst.max(show(session, &verified.name, &verified.targets)?);
            Ok(())
        }),
        // An interrupted run has no more subjects, and the error of a single subject is that of the command.
        Err(error) if error.kind() == ErrorKind::Interrupted || arguments.subjects.len() == 1 => {
            Err(CommandError::from(error))
        }
        Err(error) => {
            let error = CommandError::from(error);
            gravest = gravest.max(error.exit);
            output::error(error);
            Ok(())
        }
    })?;
    // A subject that could not be read is graver than one that was rejected.
    Ok(gravest.max(exit(worst, arguments.strictness)))
}

/// Refuses options that choose among this project's images, which have no effect on a subject that is named.
fn refuse_selection(selection: &SelectionArgs) -> Result<(), CommandError> {
    let given = [
        ("--image", !selection.image.is_empty()),
        ("--cgo", selection.cgo.is_some()),
        ("--output", selection.output.is_some()),
        ("--tag", !selection.tag.is_empty()),
        ("--repository", selection.repository.is_some()),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let message = format!("`{option}` is for this project's images, and a subject is named");
    Err(CommandError::message(Exit::Usage, message).hint(format!("omit `{option}`")))
}

/// Verifies an image that is not named by a path.
fn verify_image(
    session: &Session,
    arguments: &VerifyCommand,
    image: &Endpoint,
    targets: &[Target],
) -> Result<Verdict, CommandError> {
    let registry = super::push::client(session, &arguments.registry)?;
    let view = session.transfer(&format!("reading {image}"));
    let scope = session.verify_options(&arguments.selection, arguments.strictness).scope;
    let verified = verify_subject(&session.context, &registry, image, targets, scope, &view)?;
    drop(view);
    let mut worst = Verdict::Starts;
    for image in &verified {
        worst = worst.max(show(session, &image.name, &image.targets)?);
    }
    Ok(worst)
}

fn project(session: &Session, arguments: &VerifyCommand) -> Result<Exit, CommandError> {
    let args = BuildArgs { selection: arguments.selection.clone(), ..BuildArgs::default() };
    let options = session.build_options(&args, Goal::Verify)?;
    let plan = plan(&discover(&session.context, &options)?)?;
    let execution = session.execute_options(arguments.strictness, &FinishArgs::default());
    let result = execute(&session.context, &plan, &execution, &mut session.progress());
    let report = match &result {
        Ok(report) => Some(report),
        Err(error) => error.report(),
    };
    let mut worst = Verdict::Starts;
    let images = report.into_iter().flat_map(|report| &report.images);
    for image in images.filter(|image| !image.verdicts.is_empty()) {
        let name = image.references.first().unwrap_or(&image.name);
        worst = worst.max(show(session, name, &image.verdicts)?);
    }
    result?;
    Ok(exit(worst, arguments.strictness))
}

/// Returns the exit code for the gravest verdict.
pub(super) fn exit(worst: Verdict, strictness: StrictnessArgs) -> Exit {
    match worst {
        Verdict::Fails => Exit::Rejected,
        Verdict::Unproven if strictness.strict => Exit::Rejected,
        _ => Exit::Done,
    }
}

/// Shows the verdicts on one subject and returns the gravest one.
fn show(session: &Session, name: &str, targets: &[Verification]) -> Result<Verdict, CommandError> {
    if session.json() {
        for target in targets {
            output::json_lines(&super::describe::line(target)?)?;
        }
    } else {
        output::answer(&ui::verdicts(name, targets))?;
    }
    Ok(Verdict::gravest(targets))
}
