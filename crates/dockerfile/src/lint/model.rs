//! A Dockerfile as the rules see it: stages with their images, platforms and compile steps, and what ships.

use std::collections::BTreeSet;

use crossdock_platform::Platform;

use super::compile::{Compile, Known, compiles};
use super::images::Image;
use super::source::Source;
use crate::read::{Dockerfile, Instruction, Keyword, Scope, Stage, expand, stages};

pub(super) struct Model<'a> {
    pub(super) file: &'a Dockerfile,
    pub(super) source: Source<'a>,
    pub(super) stages: Vec<StageModel<'a>>,
    /// The stages that are somebody's image: the last, and others that nothing refers to and that start a program.
    pub(super) shipped: Vec<usize>,
}

pub(super) struct StageModel<'a> {
    pub(super) stage: Stage<'a>,
    /// The image at the beginning of its chain of stages, with the line that names it.
    pub(super) image: Image,
    pub(super) root: usize,
    pub(super) platform: PlatformChoice,
    pub(super) compiles: Vec<Compile>,
    /// The variables at its end, which stages that begin with it inherit: `ARG` too, within one file.
    known: Known,
    /// The stages that it copies from.
    copies: BTreeSet<usize>,
}

/// Which platform a stage has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PlatformChoice {
    /// The one that the image is built for.
    Target,
    /// That of the machine that builds.
    Build,
    /// Always the same.
    Constant(Platform),
    /// The file does not tell.
    Unknown,
}

impl<'a> Model<'a> {
    pub(super) fn new(file: &'a Dockerfile, text: &'a str) -> Self {
        let globals = file.global_arguments();
        let mut models: Vec<StageModel<'a>> = Vec::new();
        for stage in stages(file) {
            let model = StageModel::new(&globals, stage, &models);
            models.push(model);
        }
        let shipped = shipped(&models);
        Self { file, source: Source::new(text), stages: models, shipped }
    }

    /// The stages whose programs may come into a stage by `COPY --from`. A stage that compiles copies tools for itself:
    /// what it copies does not go on.
    pub(super) fn sources_of(&self, stage: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> =
            self.chain(stage).flat_map(|link| self.stages[link].copies.iter().copied()).collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.stages[next].stage.parent);
                if self.stages[next].compiles.is_empty() {
                    open.extend(self.stages[next].copies.iter().copied());
                }
            }
        }
        found
    }

    /// A stage and those that it begins with.
    pub(super) fn chain(&self, stage: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(stage), |link| self.stages[*link].stage.parent)
    }

    /// The last instruction of a kind that holds in a stage.
    pub(super) fn last(&self, stage: usize, keyword: &Keyword) -> Option<&'a Instruction> {
        self.chain(stage).find_map(|link| {
            let mut instructions = self.stages[link].stage.instructions.iter().rev();
            instructions.find(|instruction| instruction.keyword == *keyword).copied()
        })
    }
}

impl<'a> StageModel<'a> {
    fn new(globals: &Scope, stage: Stage<'a>, before: &[StageModel<'a>]) -> Self {
        let parent = stage.parent.and_then(|parent| before.get(parent));
        let image = match (parent, &stage.image) {
            (Some(parent), _) => parent.image.clone(),
            (None, Some(image)) => Image::of(image),
            (None, None) => Image::of("unknown"),
        };
        let platform = match (stage.platform, parent) {
            (None, Some(parent)) => parent.platform.clone(),
            (None, None) => PlatformChoice::Target,
            (Some(text), _) => choice(globals, text),
        };
        let root = parent.map_or(before.len(), |parent| parent.root);
        let copies = copies(&stage, before);
        let mut known = parent.map(|parent| parent.known.clone()).unwrap_or_default();
        let compiles = compiles(&stage, globals, &mut known, &image);
        Self { stage, image, root, platform, compiles, known, copies }
    }

    /// The line of its `FROM`.
    pub(super) fn line(&self) -> usize {
        self.stage.from.lines.first
    }
}

fn choice(globals: &Scope, text: &str) -> PlatformChoice {
    match text.trim_start_matches('$').trim_matches(['{', '}']) {
        "BUILDPLATFORM" => PlatformChoice::Build,
        "TARGETPLATFORM" => PlatformChoice::Target,
        _ => {
            let expanded = expand(text, globals);
            let platform = expanded.and_then(|text| Platform::parse(&text).ok());
            platform
                .map_or(PlatformChoice::Unknown, |platform| PlatformChoice::Constant(platform.normalized()))
        }
    }
}

fn copies(stage: &Stage<'_>, before: &[StageModel<'_>]) -> BTreeSet<usize> {
    let from = stage.instructions.iter().flat_map(|instruction| {
        let copy = instruction.flag("from").and_then(|flag| flag.value.as_deref());
        let mounts = instruction.flags.iter().filter(|flag| flag.name == "mount");
        copy.into_iter().chain(mounts.filter_map(|mount| mount.key("from"))).collect::<Vec<_>>()
    });
    from.filter_map(|name| find(name, before)).collect()
}

fn find(name: &str, before: &[StageModel<'_>]) -> Option<usize> {
    let by_name = before
        .iter()
        .rposition(|model| model.stage.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name)));
    by_name.or_else(|| name.parse().ok().filter(|index| *index < before.len()))
}

/// A last stage that is made of copies alone and starts nothing hands out files, such as programs for a release.
fn shipped(models: &[StageModel<'_>]) -> Vec<usize> {
    let referred: BTreeSet<usize> =
        models.iter().flat_map(|model| model.copies.iter().copied().chain(model.stage.parent)).collect();
    let starts = |model: &StageModel<'_>| {
        let mut keywords = model.stage.instructions.iter().map(|instruction| &instruction.keyword);
        keywords.any(|keyword| matches!(keyword, Keyword::Entrypoint | Keyword::Cmd))
    };
    let last = models.len().checked_sub(1);
    let ships = |(index, model): &(usize, &StageModel<'_>)| match Some(*index) == last {
        true => model.stage.base != "scratch" || starts(model),
        false => !referred.contains(index) && starts(model),
    };
    models.iter().enumerate().filter(ships).map(|(index, _)| index).collect()
}
