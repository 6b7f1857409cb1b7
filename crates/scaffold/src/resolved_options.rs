//! The options in force: those of the call, those that `crossdock.toml` remembers, and those that the repository suggests.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::options::{CrossdockSource, Part, PartSelection};
use crossdock_platform::listed;
use crossdock_project::config::grammar::normalized_path;
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::quote;

/// The beginning of the comment line in `crossdock.toml` that holds the remembered options.
const LINE_PREFIX: &str = "# crossdock init";

/// The options that a project keeps: a comment line of `crossdock.toml` remembers them, so that a later call without
/// options gives the same files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RememberedOptions {
    /// Parts that the project does without.
    pub(super) without: BTreeSet<Part>,
    /// The source of crossdock; `None` if no call named one.
    pub(super) crossdock_source: Option<CrossdockSource>,
    /// The address of crossdock's archives; `None` if no call named one.
    pub(super) archives_url: Option<String>,
}

impl RememberedOptions {
    /// Parses the comment line of a `crossdock.toml`; `None` if there is no such line.
    ///
    /// Skips what it does not know: another version of crossdock may have written the line.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let line = text.lines().take(4).find_map(|line| line.strip_prefix(LINE_PREFIX))?;
        let mut remembered = Self::default();
        for option in line.split(" --").skip(1) {
            match option.split_once(' ') {
                Some(("without", parts)) => {
                    remembered.without =
                        parts.trim().split(',').filter_map(|part| Part::parse(part).ok()).collect();
                }
                Some(("crossdock", source)) => {
                    remembered.crossdock_source = CrossdockSource::parse(source.trim()).ok()
                }
                Some(("archives", url)) => remembered.archives_url = Some(url.trim().to_owned()),
                _ => {}
            }
        }
        Some(remembered)
    }

    /// Returns the options as the comment line holds them, without its beginning.
    pub(super) fn to_options_text(&self) -> String {
        self.option_values(self.crossdock_source.as_ref())
            .iter()
            .map(|(option, value)| format!("{option} {value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Returns the comment line.
    pub(super) fn comment_line(&self) -> String {
        format!("{LINE_PREFIX} {}", self.to_options_text()).trim_end().to_owned()
    }

    /// Returns the arguments with which a pipeline checks the scaffold. They repeat the options, because a person may remove
    /// the comment line.
    pub(super) fn check_arguments(&self, install: &PipelineInstall) -> String {
        // Where the pipeline does not depend on the source, the manifest of the xtask crate holds it.
        let source = match install {
            PipelineInstall::Source(source) => Some(source),
            PipelineInstall::Archives(_) => None,
        };
        let options = self.option_values(source);
        let words = options.iter().flat_map(|(option, value)| [(*option).to_owned(), quote(value)]);
        ["init", "--check"].into_iter().map(str::to_owned).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Returns how pipelines get crossdock; unavailable if no option names a place that a runner reaches.
    ///
    /// None is the default: a well-known address that crossdock's developers do not own would be a stranger's program in the
    /// user's pipelines.
    pub(super) fn pipeline_install(&self, root: &Utf8Path) -> Availability<PipelineInstall> {
        if let Some(url) = &self.archives_url {
            return Availability::Available(PipelineInstall::Archives(url.clone()));
        }
        let unavailable = |why: &str| Availability::Unavailable(Unavailable::because(why));
        let Some(source) = &self.crossdock_source else {
            return unavailable("no option says where pipelines get crossdock");
        };
        let obstacle = match source {
            CrossdockSource::Path(path) => path_obstacle(root, path),
            CrossdockSource::Git(url) => git_obstacle(url),
            CrossdockSource::Registry(_) => None,
        };
        match obstacle {
            None => Availability::Available(PipelineInstall::Source(source.clone())),
            Some(why) => unavailable(&why),
        }
    }

    fn option_values(&self, source: Option<&CrossdockSource>) -> Vec<(&'static str, String)> {
        let without: Vec<&str> = self.without.iter().map(|part| part.as_str()).collect();
        let without = (!without.is_empty()).then(|| ("--without", without.join(",")));
        let source = source.map(|source| ("--crossdock", source.to_string()));
        let archives = self.archives_url.clone().map(|url| ("--archives", url));
        without.into_iter().chain(source).chain(archives).collect()
    }
}

/// The way in which pipelines get crossdock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PipelineInstall {
    /// They download an archive below this address and verify its checksum.
    Archives(String),
    /// They build it from this source. A path is relative to the project's root.
    Source(CrossdockSource),
}

/// Returns why a runner, which has only a clone of the project, cannot build crossdock at this path; `None` if it can.
fn path_obstacle(root: &Utf8Path, path: &Utf8Path) -> Option<String> {
    let outside =
        || Some(format!("runners have a clone of the project and not {path}, which is outside of it"));
    if path.is_absolute() || !normalized_path(root.join(path)).starts_with(root) {
        return outside();
    }
    let manifest = root.join(path).join("Cargo.toml");
    if !manifest.is_file() {
        return Some(format!("{path} has no Cargo.toml"));
    }
    match (manifest.canonicalize(), root.canonicalize()) {
        (Ok(manifest), Ok(root)) if manifest.starts_with(&root) => None,
        // A link that leads out of the clone.
        _ => outside(),
    }
}

/// Returns why pipelines do not fetch crossdock from this URL; `None` if they do. A runner has none of this machine's files,
/// and plain http would let anybody on the way replace the program.
fn git_obstacle(url: &str) -> Option<String> {
    let is_reachable = ["https://", "ssh://"].iter().any(|scheme| url.starts_with(scheme));
    (!is_reachable).then(|| format!("pipelines fetch crossdock only over https:// or ssh://, not from {url}"))
}

/// The options in force for one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResolvedOptions {
    /// The options to remember.
    pub(super) remembered: RememberedOptions,
    /// The parts that this call writes.
    pub(super) parts: BTreeSet<Part>,
    /// Decisions that nobody asked for, one sentence each.
    pub(super) notes: Vec<String>,
}

impl PartSelection {
    /// Combines the call with the remembered options; `remembered` is `None` for a project's first call, `possible` holds
    /// the parts that the project can have.
    pub(super) fn resolve(
        &self,
        possible: &BTreeSet<Part>,
        remembered: Option<RememberedOptions>,
        repository: &RepositoryFacts<'_>,
    ) -> ResolvedOptions {
        let is_first_call = remembered.is_none();
        let (mut remembered, mut notes) = (remembered.unwrap_or_default(), Vec::new());
        let only: BTreeSet<Part> = self.only.iter().copied().collect();
        match (is_first_call, only.is_empty()) {
            (true, false) => remembered.without = possible.difference(&only).copied().collect(),
            (false, false) => remembered.without.retain(|part| !only.contains(part)),
            (true, true) => {
                for (part, why) in repository.unused_pipelines() {
                    if !self.without.contains(&part) && remembered.without.insert(part) {
                        notes.push(format!("{part} is left out, because {why}; `--only {part}` writes it"));
                    }
                }
            }
            (false, true) => {}
        }
        remembered.without.extend(&self.without);
        remembered.without.retain(|part| possible.contains(part));
        let chosen =
            |part: &Part| !remembered.without.contains(part) && (only.is_empty() || only.contains(part));
        let parts = possible.iter().copied().filter(chosen).collect();
        ResolvedOptions { remembered, parts, notes }
    }

    /// Returns why the named parts cannot be written; `None` if the project can have all of them.
    pub(super) fn unavailable_parts(&self, possible: &BTreeSet<Part>) -> Option<String> {
        let wrong: Vec<&str> =
            self.only.iter().filter(|part| !possible.contains(part)).map(|part| part.as_str()).collect();
        (!wrong.is_empty()).then(|| {
            let known = possible.iter().map(|part| part.as_str());
            format!("this project cannot have {}; its parts are {}", listed(wrong), listed(known))
        })
    }
}

/// The facts about the project's git repository that decide which pipelines make sense.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RepositoryFacts<'a> {
    /// The address of `origin` in https form; `None` without a remote.
    pub(super) origin: Option<&'a str>,
    /// The repository's root if it is a directory above the project; else `None`.
    pub(super) above: Option<&'a Utf8Path>,
}

impl RepositoryFacts<'_> {
    /// Returns the pipelines that would never run, each with the reason.
    fn unused_pipelines(&self) -> Vec<(Part, String)> {
        if let Some(above) = self.above {
            let why = format!("pipelines are only read in the root of a repository, which is {above}");
            return [Part::Github, Part::Gitlab].map(|part| (part, why.clone())).to_vec();
        }
        let host = self.origin.and_then(|origin| origin.strip_prefix("https://")?.split('/').next());
        let part = host.and_then(|host| match host {
            "github.com" => Some(Part::Gitlab),
            host if host.split('.').any(|word| word == "gitlab") => Some(Part::Github),
            _ => None,
        });
        part.zip(host)
            .map(|(part, host)| (part, format!("the repository is at {host}")))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_project::Language;

    fn possible() -> BTreeSet<Part> {
        Part::available_for(Language::Go)
    }

    #[test]
    fn remembered_options_round_trip() {
        let remembered = RememberedOptions {
            without: BTreeSet::from([Part::Gitlab, Part::Readme]),
            crossdock_source: Some(CrossdockSource::Path("../with space".into())),
            archives_url: Some("https://mirror.example/crossdock".into()),
        };
        let text = format!("# Made by …\n{LINE_PREFIX} {}\n", remembered.to_options_text());
        assert_eq!(RememberedOptions::parse(&text), Some(remembered.clone()));
        assert_eq!(
            remembered.check_arguments(&PipelineInstall::Archives("https://mirror.example/crossdock".into())),
            "init --check --without gitlab,readme --archives https://mirror.example/crossdock"
        );
        assert_eq!(RememberedOptions::parse("# words\n[image.a]\n"), None);
        assert_eq!(RememberedOptions::parse(&format!("{LINE_PREFIX}\n")), Some(RememberedOptions::default()));
    }

    #[test]
    fn pipelines_get_crossdock_only_from_a_named_place_that_a_runner_reaches() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir_all(root.join("tools/crossdock")).unwrap();
        std::fs::File::create(root.join("tools/crossdock/Cargo.toml")).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::File::create(elsewhere.path().join("Cargo.toml")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.join("link")).unwrap();
        let install = |source: &str| {
            let crossdock_source = Some(CrossdockSource::parse(source).unwrap());
            let remembered = RememberedOptions { crossdock_source, ..RememberedOptions::default() };
            match remembered.pipeline_install(root) {
                Availability::Available(install) => Ok((remembered.check_arguments(&install), install)),
                Availability::Unavailable(unavailable) => Err(unavailable.why),
            }
        };
        for source in ["path:tools/crossdock", "git:https://git.example/crossdock", "registry:0.1"] {
            let (check, install) = install(source).unwrap();
            assert_eq!(install, PipelineInstall::Source(CrossdockSource::parse(source).unwrap()));
            assert_eq!(check, format!("init --check --crossdock {source}"));
        }
        for (source, why) in [
            ("path:../crossdock", "outside of it"),
            ("path:/opt/crossdock", "outside of it"),
            ("path:link", "outside of it"),
            ("path:tools", "no Cargo.toml"),
            ("git:file:///opt/crossdock", "only over https://"),
            ("git:http://git.example/crossdock", "only over https://"),
        ] {
            let found = install(source).unwrap_err();
            assert!(found.contains(why), "{source}: {found}");
        }
        assert!(RememberedOptions::default().pipeline_install(root).available().is_none());
        let archives_url = Some("https://mirror.example/crossdock".to_owned());
        let mirror = RememberedOptions { archives_url, ..RememberedOptions::default() };
        let expected = PipelineInstall::Archives("https://mirror.example/crossdock".to_owned());
        assert_eq!(mirror.pipeline_install(root).available(), Some(&expected));
    }

    #[test]
    fn the_first_only_is_remembered_and_a_later_one_holds_for_its_call() {
        let only = PartSelection { only: vec![Part::Config, Part::Github], ..PartSelection::default() };
        let first = only.resolve(&possible(), None, &RepositoryFacts::default());
        assert_eq!(first.parts, BTreeSet::from([Part::Config, Part::Github]));
        assert!(first.remembered.without.contains(&Part::Kubernetes));
        let later = PartSelection { only: vec![Part::Kubernetes], ..PartSelection::default() };
        let later =
            later.resolve(&possible(), Some(RememberedOptions::default()), &RepositoryFacts::default());
        assert_eq!((later.parts.len(), later.remembered.without.len()), (1, 0));
    }

    #[test]
    fn the_repository_host_selects_the_pipeline_by_default() {
        let at = |origin| RepositoryFacts { origin, above: None };
        let resolve = |selection: &PartSelection, origin| selection.resolve(&possible(), None, &at(origin));
        let nothing = PartSelection::default();
        let github = resolve(&nothing, Some("https://github.com/ann/app"));
        assert!(github.parts.contains(&Part::Github) && !github.parts.contains(&Part::Gitlab));
        assert_eq!(github.notes.len(), 1);
        let gitlab = resolve(&nothing, Some("https://gitlab.example.org/ann/app"));
        assert!(!gitlab.parts.contains(&Part::Github) && gitlab.parts.contains(&Part::Gitlab));
        assert_eq!(resolve(&nothing, None).parts, possible());
        let github = at(Some("https://github.com/a/b"));
        let remembered = nothing.resolve(&possible(), Some(RememberedOptions::default()), &github);
        assert_eq!(remembered.parts, possible());
    }

    #[test]
    fn a_project_below_a_repository_root_gets_pipelines_only_on_request() {
        let inside = RepositoryFacts { above: Some("/shop".into()), ..RepositoryFacts::default() };
        let resolved = PartSelection::default().resolve(&possible(), None, &inside);
        assert!(!resolved.parts.contains(&Part::Github) && !resolved.parts.contains(&Part::Gitlab));
        assert_eq!(
            resolved.notes[0],
            "github is left out, because pipelines are only read in the root of a repository, which is /shop; `--only \
             github` writes it"
        );
        let only = PartSelection { only: vec![Part::Github], ..PartSelection::default() };
        assert_eq!(only.resolve(&possible(), None, &inside).parts, BTreeSet::from([Part::Github]));
    }

    #[test]
    fn unavailable_parts_are_reported() {
        let selection = PartSelection { only: vec![Part::Xtask], ..PartSelection::default() };
        assert!(selection.unavailable_parts(&possible()).unwrap().contains("`xtask`"));
        assert_eq!(selection.unavailable_parts(&Part::available_for(Language::Rust)), None);
    }
}
