//! `crossdock build`, `tag` and `dist`: make a plan, execute it, and show the result.

use crossdock::doctor::engine_to_run;
use crossdock::execute::{ImageReport, Report};
use crossdock::plan::{Goal, Plan};
use crossdock::registry::{Naming, Others, PushedImage, RegistryOptions, Resolved, push_built};
use crossdock::{BuildOptions, Error, ErrorKind, discover, execute, plan, tag};

use super::doctor::{Consent, by_hand, set_up};
use super::push;
use super::resolve::Files;
use crate::arguments::{
    BuildArgs, BuildCommand, ConnectionArgs, DistCommand, EngineName, LoadTarget, OutputArgs, PushOutputArgs,
    RegistryArgs, ResolveArgs, TagCommand,
};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;
use crate::ui::Detail;

pub(crate) fn build(session: &Session, arguments: &BuildCommand) -> Result<Exit, CommandError> {
    let options = build_options(session, &arguments.build, &arguments.output, Goal::Build)?;
    let plan = plan(&discover(&session.context, &options)?)?;
    show_since(session, &plan);
    run(session, &plan, arguments, RegistryOptions::new())
}

pub(crate) fn tag_images(session: &Session, arguments: &TagCommand) -> Result<Exit, CommandError> {
    let TagCommand { selection, finish, output } = arguments;
    let args = BuildArgs { selection: selection.clone(), finish: finish.clone(), ..BuildArgs::default() };
    let options = build_options(session, &args, output, Goal::Tag)?;
    let execution = session.execute_options(output.strictness, finish);
    let result = tag(&session.context, &options, &execution, &mut session.progress());
    show(session, result, output, finish.load.as_ref())
}

pub(crate) fn dist(session: &Session, arguments: &DistCommand) -> Result<Exit, CommandError> {
    if arguments.push {
        return dist_and_push(session, arguments);
    }
    refuse_manifest_options(arguments)?;
    let BuildCommand { build, output } = &arguments.build;
    let mut options = build_options(session, build, output, Goal::Dist)?;
    options.registry = push::options(session, &arguments.registry.connection);
    let found = discover(&session.context, &options)?;
    refuse_registry_options(&arguments.registry, found.has_registry_bases())?;
    if !arguments.setup {
        let plan = plan(&found)?;
        show_since(session, &plan);
        return run(session, &plan, &arguments.build, options.registry);
    }
    let done = set_up(session, found, Consent::Given)?;
    show_since(session, &done.plan);
    let result = run(session, &done.plan, &arguments.build, options.registry);
    result.map_err(|error| match error.exit {
        // Do not advise `--setup` again: it would fail in the same way.
        Exit::Missing if done.by_hand.is_empty() => {
            CommandError { hints: vec![COULD_NOT.to_owned()], ..error }
        }
        Exit::Missing => {
            CommandError { hints: done.by_hand.iter().map(|commands| by_hand(commands)).collect(), ..error }
        }
        _ => error,
    })
}

/// Refuses options of registries, which a run that pushes nothing and has no base image in a registry would ignore.
fn refuse_registry_options(arguments: &RegistryArgs, has_bases: bool) -> Result<(), CommandError> {
    let ConnectionArgs { insecure_registry, ca_file, auth_file } = &arguments.connection;
    let given = [
        ("--insecure-registry", !has_bases && !insecure_registry.is_empty()),
        ("--ca-file", !has_bases && !ca_file.is_empty()),
        ("--auth-file", !has_bases && auth_file.is_some()),
        ("--chunk-size", arguments.chunk_size.is_some()),
    ];
    refuse_without(&given, "--push")
}

/// Refuses options of manifests, which a run that is given none would ignore.
fn refuse_manifest_options(arguments: &DistCommand) -> Result<(), CommandError> {
    if !arguments.manifests.is_empty() {
        return Ok(());
    }
    let ResolveArgs { recursive, in_place, drop_tag, path, affinity } = &arguments.resolve;
    let given = [
        ("--recursive", *recursive),
        ("--in-place", *in_place),
        ("--drop-tag", *drop_tag),
        ("--path", !path.is_empty()),
        ("--affinity", *affinity),
    ];
    refuse_without(&given, "--resolve FILE")
}

/// Refuses the first of some options that is given, since another option is not.
fn refuse_without(given: &[(&str, bool)], other: &str) -> Result<(), CommandError> {
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => {
            let message = format!("`{option}` has no effect without `{other}`");
            Err(CommandError::message(Exit::Usage, message)
                .hint(format!("add `{other}`, or omit the option")))
        }
    }
}

/// Refuses `--tag` of a run that gives no tags.
fn refuse_tags(tags: &[String]) -> Result<(), CommandError> {
    let Some(tag) = tags.first() else { return Ok(()) };
    let message = format!("`--by-digest` pushes without tags, and `--tag {tag}` asks for one");
    Err(CommandError::message(Exit::Usage, message)
        .hint("omit `--tag`, and tag the digest once it is verified: `promote REPOSITORY@DIGEST REPOSITORY:TAG`")
        .hint("or omit `--by-digest`"))
}

/// Builds, verifies and tags the images, and pushes them once all are verified.
fn dist_and_push(session: &Session, arguments: &DistCommand) -> Result<Exit, CommandError> {
    refuse_manifest_options(arguments)?;
    let BuildCommand { build, output } = &arguments.build;
    session
        .check_online(build.finish.offline, "--push")
        .map_err(|error| error.hint("or build now with `dist`, and `push` later: it sends what was built"))?;
    let mut options = build_options(session, build, output, Goal::Dist)?;
    let naming = if arguments.by_digest { Naming::DigestOnly } else { Naming::Tags };
    if naming == Naming::DigestOnly {
        refuse_tags(&build.selection.tag)?;
        options = options.untagged();
    }
    options.registry = push::options(session, &arguments.registry.connection);
    session.check_output(arguments.image_refs.as_deref(), "--image-refs")?;
    let found = discover(&session.context, &options)?;
    let plan = if arguments.setup { set_up(session, found, Consent::Given)?.plan } else { plan(&found)? };
    show_since(session, &plan);
    push::check(&plan, naming, arguments.bare)?;
    let manifests = Files::read(session, &arguments.manifests, &arguments.resolve)?;
    manifests.check(session, &plan)?;
    let registry = push::creating_client(session, &arguments.registry, &arguments.destination)?;
    let mut execution = session.execute_options(output.strictness, &build.finish);
    execution.registry = options.registry;
    let report = match execute(&session.context, &plan, &execution, &mut session.progress()) {
        Ok(report) => report,
        failed => return show(session, failed, output, build.finish.load.as_ref()),
    };
    let view = session.transfer("pushing");
    let pushed = push_built(&session.context, &registry, &plan, &report, naming, execution.unproven, &view);
    let pushed = pushed.map_err(push::after_build)?;
    drop(view);
    let resolved = match arguments.manifests.is_empty() {
        true => None,
        false => Some(manifests.resolve(session, &registry, pushed.clone(), Others::LookUp)?),
    };
    resolved.iter().try_for_each(|resolved| manifests.write(session, resolved))?;
    show_pushed(session, arguments, &report, &pushed, resolved.as_ref())?;
    let printed = resolved.iter().filter(|_| !session.json());
    printed.into_iter().try_for_each(|resolved| manifests.show(session, resolved))?;
    Ok(Exit::Done)
}

/// Shows a report and the images that were pushed.
fn show_pushed(
    session: &Session,
    arguments: &DistCommand,
    report: &Report,
    pushed: &[PushedImage],
    resolved: Option<&Resolved>,
) -> Result<(), CommandError> {
    /// The report, with what buildx writes for tools that read its metadata.
    #[derive(serde::Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        report: &'a Report,
        pushed: &'a [PushedImage],
        #[serde(skip_serializing_if = "Option::is_none")]
        resolved: Option<&'a Resolved>,
        #[serde(flatten)]
        metadata: serde_json::Map<String, serde_json::Value>,
    }
    let answer = Answer { report, pushed, resolved, metadata: push::metadata(pushed) };
    let output = PushOutputArgs { image_refs: arguments.image_refs.clone(), ..PushOutputArgs::default() };
    if !session.quiet() && !report.images.is_empty() {
        output::say(&ui::table(report, output::live().columns(), session.detail()));
        push::summary(pushed).iter().for_each(|sentence| output::say(sentence));
    }
    if session.json() {
        output::json(&answer)?;
    } else if resolved.is_none() {
        output::answer(&push::lines(pushed))?;
    }
    // After the answer, which must not be lost if a file cannot be written.
    session.write_metadata(&answer, arguments.build.output.metadata_file.as_deref())?;
    push::write_outputs(session, &output, pushed)
}

fn build_options(
    session: &Session,
    build: &BuildArgs,
    output: &OutputArgs,
    goal: Goal,
) -> Result<BuildOptions, CommandError> {
    let mut options = session.build_options(build, goal)?;
    session.check_output(output.metadata_file.as_deref(), "--metadata-file")?;
    options.metadata_file.clone_from(&output.metadata_file);
    Ok(options)
}

/// Shows which images changed since the commit of `--since`, and why.
fn show_since(session: &Session, plan: &Plan) {
    let Some(since) = plan.since.as_ref().filter(|_| !session.quiet()) else { return };
    output::say(&ui::since::headline(since));
    ui::since::lines(since, session.detail()).iter().for_each(|line| output::say(line));
}

const COULD_NOT: &str =
    "the set-up above could not install it; run one of the commands by hand, or omit the platform";

fn run(
    session: &Session,
    plan: &Plan,
    arguments: &BuildCommand,
    registry: RegistryOptions,
) -> Result<Exit, CommandError> {
    let mut options = session.execute_options(arguments.output.strictness, &arguments.build.finish);
    options.registry = registry;
    let result = execute(&session.context, plan, &options, &mut session.progress());
    show(session, result, &arguments.output, arguments.build.finish.load.as_ref())
}

/// Shows the report of a run, also of a failed one.
fn show(
    session: &Session,
    result: Result<Report, Error>,
    output: &OutputArgs,
    load: Option<&LoadTarget>,
) -> Result<Exit, CommandError> {
    let report = match &result {
        Ok(report) => Some(report),
        Err(error) if error.kind() == ErrorKind::Interrupted => None,
        Err(error) => error.report(),
    };
    let shown = report.map_or(Ok(()), |report| {
        session.write_metadata(report, output.metadata_file.as_deref()).and(answer(session, report, load))
    });
    match (result, shown) {
        (Ok(_), shown) => shown.map(|()| Exit::Done),
        (Err(error), Ok(())) => Err(error.into()),
        // The error that ended the run decides the exit code; the other one is added to its message.
        (Err(error), Err(not_shown)) => {
            let mut error = CommandError::from(error);
            error.message.extend(["\n", &not_shown.message]);
            Err(error)
        }
    }
}

/// Prints the answer, and for a person the verdicts of refused images, the table and a suggestion.
fn answer(session: &Session, report: &Report, load: Option<&LoadTarget>) -> Result<(), CommandError> {
    push::show_refused(report);
    let refused = push::refused(report).count();
    let is_worth_a_table =
        !report.images.is_empty() && (report.unfinished.is_empty() || report.images.len() > refused);
    if !session.quiet() && is_worth_a_table {
        output::say(&ui::table(report, output::live().columns(), session.detail()));
        let engine = match load {
            Some(LoadTarget::Engine(EngineName::Docker)) => Some("docker"),
            Some(LoadTarget::Engine(EngineName::Podman)) => Some("podman"),
            Some(LoadTarget::Kind(_)) | None => None,
        };
        let next = ui::next(report, session.name, session.context.directory(), engine, &|| {
            engine_to_run(&session.context)
        });
        next.filter(|_| report.unfinished.is_empty()).iter().for_each(|next| output::say(next));
    }
    if session.json() {
        return output::json(report);
    }
    let finished = |image: &&ImageReport| !report.unfinished.iter().any(|other| other.image == image.name);
    // A person reads the references of what the table has; a program reads those of all images.
    let detail = if output::answers_person() { session.detail() } else { Detail::Whole };
    let lines = ui::shown_images(report, detail).into_iter().filter(finished);
    let lines = lines.filter_map(|image| image.loaded.as_ref().or(image.references.first()));
    output::answer(&lines.map(|line| format!("{line}\n")).collect::<String>())
}
