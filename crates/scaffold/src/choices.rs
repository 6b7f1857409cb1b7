//! What a person chose for a project. `crossdock.toml` remembers it, so that a later call without options means the same.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::part::Part;
use super::source::CrossdockSource;
use crossdock_platform::listed;
use crossdock_system::process::quote;

/// Where releases of crossdock lie when nothing else is said.
const ARCHIVES: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/download/v", env!("CARGO_PKG_VERSION"));
/// What the line of `crossdock.toml` begins with.
const LINE: &str = "# crossdock init";

/// The lasting choices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Choices {
    /// Parts that the project does without.
    pub(super) without: BTreeSet<Part>,
    /// Where crossdock comes from; none is the default, as far as that can be had.
    pub(super) source: Option<CrossdockSource>,
    /// Where pipelines find crossdock's archives; none is crossdock's own releases.
    pub(super) archives: Option<String>,
}

impl Choices {
    /// What the line of a `crossdock.toml` says; none when it has none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let line = text.lines().take(4).find_map(|line| line.strip_prefix(LINE))?;
        let mut choices = Self::default();
        for option in line.split(" --").skip(1) {
            match option.split_once(' ') {
                Some(("without", parts)) => {
                    choices.without =
                        parts.trim().split(',').filter_map(|part| Part::parse(part).ok()).collect();
                }
                Some(("crossdock", source)) => choices.source = CrossdockSource::parse(source.trim()).ok(),
                Some(("archives", place)) => choices.archives = Some(place.trim().to_owned()),
                _ => {}
            }
        }
        Some(choices)
    }

    /// The line, without its beginning.
    pub(super) fn line(&self) -> String {
        self.options(&self.source)
            .iter()
            .map(|(option, value)| format!("{option} {value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The whole line.
    pub(super) fn whole_line(&self) -> String {
        format!("{LINE} {}", self.line()).trim_end().to_owned()
    }

    /// The command with which a pipeline checks the scaffold, whether or not the line is there.
    pub(super) fn check(&self) -> String {
        // Where crossdock comes from shows in the crate's own manifest.
        let options = self.options(&None);
        let words = options.iter().flat_map(|(option, value)| [(*option).to_owned(), quote(value)]);
        ["crossdock", "init", "--check"]
            .into_iter()
            .map(str::to_owned)
            .chain(words)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Where pipelines find crossdock's archives.
    pub(super) fn archives(&self) -> String {
        self.archives.clone().unwrap_or_else(|| ARCHIVES.to_owned())
    }

    fn options(&self, source: &Option<CrossdockSource>) -> Vec<(&'static str, String)> {
        let without: Vec<&str> = self.without.iter().map(|part| part.as_str()).collect();
        let without = (!without.is_empty()).then(|| ("--without", without.join(",")));
        let source = source.as_ref().map(|source| ("--crossdock", source.to_string()));
        let archives = self.archives.clone().map(|place| ("--archives", place));
        without.into_iter().chain(source).chain(archives).collect()
    }
}

/// What a call says about parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--only`: of this call alone, when the project has a scaffold already.
    pub only: Vec<Part>,
    /// `--without`: from now on.
    pub without: Vec<Part>,
}

/// What a call does and what it will be remembered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    /// The lasting choices.
    pub(super) choices: Choices,
    /// The parts of this call.
    pub(super) parts: BTreeSet<Part>,
    /// What was decided without being asked, as sentences.
    pub(super) notes: Vec<String>,
}

impl Selection {
    /// Joins what a call says with what is remembered; `possible` are the parts that the project can have.
    pub(super) fn settle(
        &self,
        possible: &BTreeSet<Part>,
        remembered: Option<Choices>,
        repository: &Repository<'_>,
    ) -> Settled {
        let (mut choices, mut notes) = (remembered.clone().unwrap_or_default(), Vec::new());
        let only: BTreeSet<Part> = self.only.iter().copied().collect();
        match (&remembered, only.is_empty()) {
            (None, false) => choices.without = possible.difference(&only).copied().collect(),
            (Some(_), false) => choices.without.retain(|part| !only.contains(part)),
            (None, true) => {
                for (part, why) in repository.useless() {
                    if !self.without.contains(&part) && choices.without.insert(part) {
                        notes.push(format!("{part} is left out, because {why}; `--only {part}` writes it"));
                    }
                }
            }
            (Some(_), true) => {}
        }
        choices.without.extend(&self.without);
        choices.without.retain(|part| possible.contains(part));
        let chosen =
            |part: &Part| !choices.without.contains(part) && (only.is_empty() || only.contains(part));
        let parts = possible.iter().copied().filter(chosen).collect();
        Settled { choices, parts, notes }
    }

    /// Parts that were asked for by name and that the project cannot have.
    pub(super) fn impossible(&self, possible: &BTreeSet<Part>) -> Option<String> {
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
pub(super) struct Repository<'a> {
    /// Its address, in https form.
    pub(super) origin: Option<&'a str>,
    /// Its root, where that is a folder above the project's.
    pub(super) above: Option<&'a Utf8Path>,
}

impl Repository<'_> {
    /// The pipelines that it has no use for, and why.
    fn useless(&self) -> Vec<(Part, String)> {
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
        Part::of(Language::Go)
    }

    #[test]
    fn what_is_remembered_reads_as_it_was_written() {
        let choices = Choices {
            without: BTreeSet::from([Part::Gitlab, Part::Readme]),
            source: Some(CrossdockSource::Path("../with space".into())),
            archives: Some("https://mirror.example/crossdock".into()),
        };
        let text = format!("# Made by …\n{LINE} {}\n", choices.line());
        assert_eq!(Choices::read(&text), Some(choices.clone()));
        assert_eq!(
            choices.check(),
            "crossdock init --check --without gitlab,readme --archives https://mirror.example/crossdock"
        );
        assert_eq!(Choices::read("# words\n[image.a]\n"), None);
        assert_eq!(Choices::read(&format!("{LINE}\n")), Some(Choices::default()));
    }

    #[test]
    fn the_first_only_lasts_and_a_later_one_is_of_its_call() {
        let only = Selection { only: vec![Part::Config, Part::Github], ..Selection::default() };
        let first = only.settle(&possible(), None, &Repository::default());
        assert_eq!(first.parts, BTreeSet::from([Part::Config, Part::Github]));
        assert!(first.choices.without.contains(&Part::Kubernetes));
        let later = Selection { only: vec![Part::Kubernetes], ..Selection::default() };
        let later = later.settle(&possible(), Some(Choices::default()), &Repository::default());
        assert_eq!((later.parts.len(), later.choices.without.len()), (1, 0));
    }

    #[test]
    fn a_repository_s_host_decides_what_nobody_decided() {
        let at = |origin| Repository { origin, above: None };
        let settle = |selection: &Selection, origin| selection.settle(&possible(), None, &at(origin));
        let nothing = Selection::default();
        let github = settle(&nothing, Some("https://github.com/ann/app"));
        assert!(github.parts.contains(&Part::Github) && !github.parts.contains(&Part::Gitlab));
        assert_eq!(github.notes.len(), 1);
        let gitlab = settle(&nothing, Some("https://gitlab.example.org/ann/app"));
        assert!(!gitlab.parts.contains(&Part::Github) && gitlab.parts.contains(&Part::Gitlab));
        assert_eq!(settle(&nothing, None).parts, possible());
        let github = at(Some("https://github.com/a/b"));
        let remembered = nothing.settle(&possible(), Some(Choices::default()), &github);
        assert_eq!(remembered.parts, possible());
    }

    #[test]
    fn a_part_of_a_repository_has_no_pipelines_unless_it_is_told_to() {
        let inside = Repository { above: Some("/shop".into()), ..Repository::default() };
        let settled = Selection::default().settle(&possible(), None, &inside);
        assert!(!settled.parts.contains(&Part::Github) && !settled.parts.contains(&Part::Gitlab));
        assert_eq!(
            settled.notes[0],
            "github is left out, because pipelines are read in the root of a repository alone, which is /shop; `--only \
             github` writes it"
        );
        let only = Selection { only: vec![Part::Github], ..Selection::default() };
        assert_eq!(only.settle(&possible(), None, &inside).parts, BTreeSet::from([Part::Github]));
    }

    #[test]
    fn what_a_project_cannot_have_is_said() {
        let selection = Selection { only: vec![Part::Xtask], ..Selection::default() };
        assert!(selection.impossible(&possible()).unwrap().contains("`xtask`"));
        assert_eq!(selection.impossible(&Part::of(Language::Rust)), None);
    }
}
