//! A Dockerfile as the rules see it: stages with their images, platforms and compile steps, and what ships.

use std::collections::BTreeSet;

use crossdock_platform::Platform;

use super::compile::{Compile, CompileTarget, Known, compiles, uses_the_target};
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
    /// Whether it compiles for several platforms, of which the image's platform picks one.
    pub(super) picked: bool,
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
        let picked: Vec<bool> = (0..models.len()).map(|stage| is_picked(&models, stage)).collect();
        models.iter_mut().zip(picked).for_each(|(model, picked)| model.picked = picked);
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

    /// The stage whose `FROM` gives a stage its platform.
    pub(super) fn pinned(&self, stage: usize) -> &StageModel<'a> {
        let mut links = self.chain(stage).map(|link| &self.stages[link]);
        links.find(|link| link.stage.platform.is_some()).unwrap_or(&self.stages[stage])
    }

    /// Whether a stage says what its image starts.
    pub(super) fn starts(&self, stage: usize) -> bool {
        self.last(stage, &Keyword::Entrypoint).or_else(|| self.last(stage, &Keyword::Cmd)).is_some()
    }

    /// Whether a stage is more likely a folder for `--output` than an image: it has a name, to be asked for, and holds
    /// nothing but copies.
    pub(super) fn hands_out(&self, stage: usize) -> bool {
        let model = &self.stages[stage];
        let mut keywords = model.stage.instructions.iter().map(|instruction| &instruction.keyword);
        model.stage.base == "scratch"
            && model.stage.name.is_some()
            && keywords.all(|keyword| matches!(keyword, Keyword::Copy | Keyword::Add | Keyword::Arg))
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
        Self { stage, image, root, platform, compiles, known, copies, picked: false }
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

/// Whether what a stage compiles is chosen by the image's platform: `COPY --from=build /$TARGETARCH/app`, or a step of
/// its own after it compiled for more than one.
fn is_picked(models: &[StageModel<'_>], stage: usize) -> bool {
    let takes = |model: &StageModel<'_>| {
        model.copies.contains(&stage)
            && model.stage.instructions.iter().any(|instruction| {
                let from = instruction.flag("from").and_then(|flag| flag.value.as_deref());
                let mut mounts = instruction.flags.iter().filter_map(|flag| flag.key("from"));
                let named =
                    from.into_iter().chain(mounts.by_ref()).any(|name| find(name, models) == Some(stage));
                named && uses_the_target(instruction.joined())
            })
    };
    let own = &models[stage];
    let platforms: BTreeSet<String> = own.compiles.iter().filter_map(constant).collect();
    let compiled = own.compiles.iter().map(|compile| compile.first).max().unwrap_or(0);
    let chooses = |instruction: &&Instruction| {
        instruction.keyword == Keyword::Run
            && instruction.lines.first > compiled
            && uses_the_target(instruction.text())
    };
    models.iter().any(takes) || (platforms.len() > 1 && own.stage.instructions.iter().any(chooses))
}

fn constant(compile: &Compile) -> Option<String> {
    match &compile.target {
        CompileTarget::Constant { platform, .. } => Some(platform.to_string()),
        _ => None,
    }
}

/// The last stage, and others that nothing refers to and that start a program.
fn shipped(models: &[StageModel<'_>]) -> Vec<usize> {
    let referred: BTreeSet<usize> =
        models.iter().flat_map(|model| model.copies.iter().copied().chain(model.stage.parent)).collect();
    let starts = |model: &StageModel<'_>| {
        let mut keywords = model.stage.instructions.iter().map(|instruction| &instruction.keyword);
        keywords.any(|keyword| matches!(keyword, Keyword::Entrypoint | Keyword::Cmd))
    };
    let last = models.len().checked_sub(1);
    let ships = |(index, model): &(usize, &StageModel<'_>)| {
        Some(*index) == last || (!referred.contains(index) && starts(model))
    };
    models.iter().enumerate().filter(ships).map(|(index, _)| index).collect()
}
