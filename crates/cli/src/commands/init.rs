//! `crossdock init`.

use camino::Utf8PathBuf;
use crossdock::Network;
use crossdock::config::grammar::normalized_path;
use crossdock::environment::Language;
use crossdock::scaffold::{
    Action, CrossdockSource, EditedFiles, InitOptions, LockChanges, Part, PlannedFile, Scaffold, State,
    WriteReport, scaffold, write_scaffold,
};
use serde::Serialize;

use crate::arguments::{InitCommand, Language as LanguageName};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

/// The answer of `init --json`.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    #[serde(flatten)]
    scaffold: &'a Scaffold,
    /// Whether the files were written, not only compared.
    written: bool,
    /// The backups of replaced files.
    backups: Vec<Backup<'a>>,
    /// A unified diff; present with `--diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

#[derive(Serialize)]
struct Backup<'a> {
    path: &'a Utf8PathBuf,
    backup: &'a Utf8PathBuf,
}

pub(crate) fn run(session: &Session, arguments: &InitCommand) -> Result<Exit, CommandError> {
    let options = options(session, arguments)?;
    let scaffold = scaffold(&session.context, &options)?;
    let is_dry = arguments.check || arguments.diff || arguments.dry_run;
    let diff =
        arguments.diff.then(|| scaffold.files.iter().filter_map(PlannedFile::diff).collect::<String>());
    if !session.json() {
        show(session, &scaffold, diff.as_deref())?;
    }
    let written =
        if is_dry { None } else { Some(write_scaffold(&session.context, &scaffold, options.network)?) };
    match (session.json(), &written) {
        (true, _) => answer(&scaffold, written.as_ref(), diff)?,
        (false, Some(written)) => show_written(session, &scaffold, written),
        (false, None) => {}
    }
    if arguments.check && scaffold.has_drift() {
        return Err(drifted(session, &scaffold));
    }
    Ok(Exit::Done)
}

fn options(session: &Session, arguments: &InitCommand) -> Result<InitOptions, CommandError> {
    let directory =
        arguments.path.as_ref().map_or(session.context.directory().to_owned(), |path| session.path(path));
    let invalid = |option: &str, why: String| CommandError::message(Exit::Usage, format!("{option}: {why}"));
    let parts = |option: &str, names: &[String]| {
        let parts: Result<Vec<Part>, String> = names.iter().map(|name| Part::parse(name)).collect();
        parts.map_err(|why| invalid(option, why))
    };
    if let Some(file) = session.named_config() {
        let why =
            format!("`init` reads and writes only the crossdock.toml in the project's directory, not {file}");
        return Err(invalid("--config", why));
    }
    let source = arguments.crossdock.as_deref().map(CrossdockSource::parse).transpose();
    if let Some(place) = arguments.archives.as_deref().filter(|place| !is_https_url(place)) {
        return Err(invalid("--archives", format!("`{place}` is not an https:// URL of a directory")));
    }
    let mut options = session.context.init_options()?;
    options.project_directory = normalized_path(&directory);
    options.parts.only = parts("--only", &arguments.only)?;
    options.parts.without = parts("--without", &arguments.without)?;
    options.template = arguments.template.map(|language| match language {
        LanguageName::Go => Language::Go,
        LanguageName::Rust => Language::Rust,
    });
    options.crossdock_source = source.map_err(|why| invalid("--crossdock", why))?;
    options.archives_url = arguments.archives.as_ref().map(|place| place.trim_end_matches('/').to_owned());
    options.nodes = arguments.nodes.clone();
    options.expose = arguments.expose.clone();
    options.repository = arguments.repository.clone();
    if arguments.force {
        options.edited_files = EditedFiles::Replace;
    }
    if arguments.offline {
        options.network = Network::Offline;
    }
    Ok(options)
}

/// Whether a text is an https URL. It is quoted in generated pipelines, so characters that need escaping are invalid.
fn is_https_url(place: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%+@".contains(c);
    place.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

/// Shows the plan before anything is written. The answer is the diff if one is requested, else the table.
fn show(session: &Session, scaffold: &Scaffold, diff: Option<&str>) -> Result<(), CommandError> {
    match diff {
        Some(diff) => {
            if !session.quiet() {
                output::say(&table(scaffold, output::live().columns()));
            }
            output::data(diff)?;
        }
        None if session.quiet() => {}
        None => output::answer(&table(scaffold, output::answer_columns()))?,
    }
    if session.quiet() {
        return Ok(());
    }
    match &scaffold.lock_changes {
        Some(LockChanges::Crates { count, .. }) => {
            output::say(&format!("{count} crates are added to Cargo.lock, including the xtask crate itself"));
        }
        Some(LockChanges::Unknown { why }) => {
            output::warning(&format!("the number of crates added to Cargo.lock is unknown: {why}"));
        }
        None => {}
    }
    scaffold.notes.iter().for_each(|note| output::note(note));
    Ok(())
}

/// Returns the files as a table, or each on lines of its own if the table is wider than `columns`.
fn table(scaffold: &Scaffold, columns: usize) -> String {
    let header = ["file", "state", "bytes", "", ""].map(str::to_owned);
    let rows = scaffold.files.iter().map(|entry| {
        [
            entry.path.to_string(),
            state(entry.state).to_owned(),
            entry.bytes.to_string(),
            action(entry.action).to_owned(),
            entry.note.clone().unwrap_or_default(),
        ]
    });
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(rows).collect();
    ui::aligned(&rows, &[2], columns).unwrap_or_else(|| {
        let lines = rows.iter().skip(1).map(|row| {
            let [path, state, bytes, action, note] = row.each_ref().map(|text| ui::cell(text));
            let (path, bytes) = (format!(" {path}"), format!("{bytes} bytes"));
            ui::fold([path.as_str(), &state, &bytes, &action, &note], columns, 4)
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Missing => "missing",
        State::Clean => "clean",
        State::Stale => "stale",
        State::Edited => "edited",
        State::Yours => "yours",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::None => "",
        Action::Create => "create",
        Action::Renew => "renew",
        Action::Replace => "replace, with a backup",
        Action::Merge => "merge",
        Action::Keep => "keep",
    }
}

fn answer(
    scaffold: &Scaffold,
    written: Option<&WriteReport>,
    diff: Option<String>,
) -> Result<(), CommandError> {
    let backups = written.into_iter().flat_map(|written| &written.backups);
    let backups = backups.map(|(path, backup)| Backup { path, backup }).collect();
    output::json(&Answer { schema: "crossdock.init/1", scaffold, written: written.is_some(), backups, diff })
}

fn show_written(session: &Session, scaffold: &Scaffold, written: &WriteReport) {
    if let Some(why) = &written.lock_error {
        output::warning(&format!(
            "Cargo.lock does not contain the xtask crate yet; run `cargo update --workspace`: {why}"
        ));
    }
    if session.quiet() {
        return;
    }
    for (path, backup) in &written.backups {
        output::say(&format!("the previous {path} was saved as {backup}"));
    }
    match scaffold.files.iter().filter(|entry| entry.will_be_written()).count() {
        0 => output::say("nothing to write"),
        _ => output::say(&format!("next: {}", scaffold.next.join(" && "))),
    }
}

fn drifted(session: &Session, scaffold: &Scaffold) -> CommandError {
    let drifting = scaffold.files.iter().filter(|entry| entry.drifts);
    let names: Vec<String> = drifting.clone().map(|entry| entry.path.to_string()).collect();
    let message =
        format!("{} generated files differ from what `init` would write: {}", names.len(), names.join(", "));
    let error = CommandError::message(Exit::Rejected, message);
    let name = session.name;
    if drifting.clone().any(|entry| entry.state == State::Edited) {
        error.hint(format!(
            "show the differences with `{name} init --diff`; replace the files and keep backups with `{name} init --force`; or \
             delete a file's first line to maintain it yourself"
        ))
    } else {
        error.hint(format!("write them with `{name} init`; show the differences with `{name} init --diff`"))
    }
}
