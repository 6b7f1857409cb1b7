//! A Dockerfile as the rules see it: stages with their images, platforms and compile steps, and what ships.

use std::collections::BTreeSet;

use crossdock_platform::Platform;

use super::compile::{Compile, compiles};
use super::images::Image;
use super::source::Source;
use crate::read::{Dockerfile, Instruction, Keyword, Stage, expand, stages};

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
        let mut models: Vec<StageModel<'a>> = Vec::new();
        for stage in stages(file) {
            let model = StageModel::new(file, stage, &models);
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
    fn new(file: &Dockerfile, stage: Stage<'a>, before: &[StageModel<'a>]) -> Self {
        let parent = stage.parent.and_then(|parent| before.get(parent));
        let image = match (parent, &stage.image) {
            (Some(parent), _) => parent.image.clone(),
            (None, Some(image)) => Image::of(image),
            (None, None) => Image::of("unknown"),
        };
        let platform = match (stage.platform, parent) {
            (None, Some(parent)) => parent.platform.clone(),
            (None, None) => PlatformChoice::Target,
            (Some(text), _) => choice(file, text),
        };
        let root = parent.map_or(before.len(), |parent| parent.root);
        let copies = copies(&stage, before);
        let compiles = compiles(file, &stage, before, &image);
        Self { stage, image, root, platform, compiles, copies }
    }

    /// The line of its `FROM`.
    pub(super) fn line(&self) -> usize {
        self.stage.from.lines.first
    }
}

fn choice(file: &Dockerfile, text: &str) -> PlatformChoice {
    match text.trim_start_matches('$').trim_matches(['{', '}']) {
        "BUILDPLATFORM" => PlatformChoice::Build,
        "TARGETPLATFORM" => PlatformChoice::Target,
        _ => {
            let expanded = expand(text, &file.global_arguments());
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

fn shipped(models: &[StageModel<'_>]) -> Vec<usize> {
    let referred: BTreeSet<usize> =
        models.iter().flat_map(|model| model.copies.iter().copied().chain(model.stage.parent)).collect();
    let starts = |model: &StageModel<'_>| {
        model
            .stage
            .instructions
            .iter()
            .any(|instruction| matches!(instruction.keyword, Keyword::Entrypoint | Keyword::Cmd))
    };
    let last = models.len().checked_sub(1);
    (0..models.len())
        .filter(|index| Some(*index) == last || (!referred.contains(index) && starts(&models[*index])))
        .collect()
}
