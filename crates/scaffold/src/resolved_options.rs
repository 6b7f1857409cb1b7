//! The options in force: what the call says, what `crossdock.toml` remembers, and what the repository suggests.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::options::{CrossdockSource, Part, PartSelection};
use crossdock_platform::listed;
use crossdock_system::process::quote;

/// Where releases of crossdock lie when nothing else is said.
const DEFAULT_ARCHIVES_URL: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download/v", env!("CARGO_PKG_VERSION"));
/// What the line of `crossdock.toml` begins with.
const LINE_PREFIX: &str = "# crossdock init";

/// The lasting remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RememberedOptions {
    /// Parts that the project does without.
    pub(super) without: BTreeSet<Part>,
    /// Where crossdock comes from; none is the default, as far as that can be had.
    pub(super) crossdock_source: Option<CrossdockSource>,
    /// Where pipelines find crossdock's archives; none is crossdock's own releases.
    pub(super) archives_url: Option<String>,
}

impl RememberedOptions {
    /// What the line of a `crossdock.toml` says; none when it has none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let line = text.lines().take(4).find_map(|line| line.strip_prefix(LINE_PREFIX))?;
        let mut remembered = Self::default();
        for option in line.split(" --").skip(1) {
            match option.split_once(' ') {
                Some(("without", parts)) => {
                    remembered.without =
                        parts.trim().split(',').filter_map(|part| Part::parse(part).ok()).collect();
                }
                Some(("crossdock", crossdock_source)) => {
                    remembered.crossdock_source = CrossdockSource::parse(crossdock_source.trim()).ok()
                }
                Some(("archives", place)) => remembered.archives_url = Some(place.trim().to_owned()),
                _ => {}
            }
        }
        Some(remembered)
    }

    /// The line, without its beginning.
    pub(super) fn to_options_text(&self) -> String {
        self.option_values(&self.crossdock_source)
            .iter()
            .map(|(option, value)| format!("{option} {value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The whole line.
    pub(super) fn comment_line(&self) -> String {
        format!("{LINE_PREFIX} {}", self.to_options_text()).trim_end().to_owned()
    }

    /// The command with which a pipeline checks the scaffold, whether or not the line is there.
    pub(super) fn check_command(&self) -> String {
        // Where crossdock comes from shows in the crate's own manifest.
        let options = self.option_values(&None);
        let words = options.iter().flat_map(|(option, value)| [(*option).to_owned(), quote(value)]);
        ["crossdock", "init", "--check"]
            .into_iter()
            .map(str::to_owned)
            .chain(words)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Where pipelines find crossdock's archives.
    pub(super) fn pipeline_archives_url(&self) -> String {
        self.archives_url.clone().unwrap_or_else(|| DEFAULT_ARCHIVES_URL.to_owned())
    }

    fn option_values(&self, crossdock_source: &Option<CrossdockSource>) -> Vec<(&'static str, String)> {
        let without: Vec<&str> = self.without.iter().map(|part| part.as_str()).collect();
        let without = (!without.is_empty()).then(|| ("--without", without.join(",")));
        let crossdock_source =
            crossdock_source.as_ref().map(|crossdock_source| ("--crossdock", crossdock_source.to_string()));
        let archives = self.archives_url.clone().map(|place| ("--archives", place));
        without.into_iter().chain(crossdock_source).chain(archives).collect()
    }
}

/// What a call does and what it will be remembered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResolvedOptions {
    /// The lasting remembered.
    pub(super) remembered: RememberedOptions,
    /// The parts of this call.
    pub(super) parts: BTreeSet<Part>,
    /// What was plan without being asked, as sentences.
    pub(super) notes: Vec<String>,
}

impl PartSelection {
    /// Joins what a call says with what is remembered; `possible` are the parts that the project can have.
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

    /// Parts that were asked for by name and that the project cannot have.
    pub(super) fn unavailable_parts(&self, possible: &BTreeSet<Part>) -> Option<String> {
        let wrong: Vec<&str> =
            self.only.iter().filter(|part| !possible.contains(part)).map(|part| part.as_str()).collect();
        (!wrong.is_empty()).then(|| {
            let known = possible.iter().map(|part| part.as_str());
            format!("this project can have no {}; its parts are {}", listed(wrong), listed(known))
        })
    }
}

/// The repository that a project lies in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RepositoryFacts<'a> {
    /// Its address, in https form.
    pub(super) origin: Option<&'a str>,
    /// Its root, where that is a directory above the project's.
    pub(super) above: Option<&'a Utf8Path>,
}

impl RepositoryFacts<'_> {
    /// The pipelines that it has no use for, and why.
    fn unused_pipelines(&self) -> Vec<(Part, String)> {
        if let Some(above) = self.above {
            let why = format!("pipelines are read in the root of a repository alone, which is {above}");
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
    fn what_is_remembered_reads_as_it_was_written() {
        let remembered = RememberedOptions {
            without: BTreeSet::from([Part::Gitlab, Part::Readme]),
            crossdock_source: Some(CrossdockSource::Path("../with space".into())),
            archives_url: Some("https://mirror.example/crossdock".into()),
        };
        let text = format!("# GeneratedText by …\n{LINE_PREFIX} {}\n", remembered.to_options_text());
        assert_eq!(RememberedOptions::parse(&text), Some(remembered.clone()));
        assert_eq!(
            remembered.check_command(),
            "crossdock init --check --without gitlab,readme --archives https://mirror.example/crossdock"
        );
        assert_eq!(RememberedOptions::parse("# words\n[image.a]\n"), None);
        assert_eq!(RememberedOptions::parse(&format!("{LINE_PREFIX}\n")), Some(RememberedOptions::default()));
    }

    #[test]
    fn the_first_only_lasts_and_a_later_one_is_of_its_call() {
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
    fn a_repository_s_host_decides_what_nobody_decided() {
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
    fn a_part_of_a_repository_has_no_pipelines_unless_it_is_told_to() {
        let inside = RepositoryFacts { above: Some("/shop".into()), ..RepositoryFacts::default() };
        let resolved = PartSelection::default().resolve(&possible(), None, &inside);
        assert!(!resolved.parts.contains(&Part::Github) && !resolved.parts.contains(&Part::Gitlab));
        assert_eq!(
            resolved.notes[0],
            "github is left out, because pipelines are read in the root of a repository alone, which is /shop; `--only \
             github` writes it"
        );
        let only = PartSelection { only: vec![Part::Github], ..PartSelection::default() };
        assert_eq!(only.resolve(&possible(), None, &inside).parts, BTreeSet::from([Part::Github]));
    }

    #[test]
    fn what_a_project_cannot_have_is_said() {
        let selection = PartSelection { only: vec![Part::Xtask], ..PartSelection::default() };
        assert!(selection.unavailable_parts(&possible()).unwrap().contains("`xtask`"));
        assert_eq!(selection.unavailable_parts(&Part::available_for(Language::Rust)), None);
    }
}
