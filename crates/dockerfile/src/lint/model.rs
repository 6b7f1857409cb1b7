//! A Dockerfile as the rules see it: stages with their images, platforms and compile steps, and what ships.

use std::collections::{BTreeSet, HashMap};

use crossdock_platform::Platform;

use super::carries::{StageRef, carried};
use super::compile::{Compile, CompileTarget, Deed, Known, Links, Steps, steps, uses_the_target};
use super::images::{Image, Language};
use super::ships::{Shipping, Taken, taken};
use super::source::Source;
use crate::read::{Dockerfile, Instruction, Keyword, Scope, Stage, expand, stages};

/// How many stages are looked at around one: those that it begins with, those that begin with it, and those that it copies
/// from. People's files have fewer than a hundred in all, and a file with thousands must not take minutes.
const MOST_STAGES: usize = 256;

pub(super) struct Model<'a> {
    pub(super) file: &'a Dockerfile,
    pub(super) source: Source<'a>,
    pub(super) stages: Vec<StageModel<'a>>,
    /// The stages that are somebody's image: the last, and others that nothing refers to and that start a program.
    pub(super) shipped: Vec<usize>,
    /// The compile steps whose products may come into them.
    pub(super) products: Vec<Shipping>,
    /// The shipped stages, each with the line of a stage from which it gets programs for several platforms.
    pub(super) several: BTreeSet<(usize, usize)>,
    /// For each stage those that begin with it.
    pub(super) heirs: Vec<Vec<usize>>,
    /// For each stage those that take from it, with the number of what they take.
    pub(super) takers: Vec<Vec<(usize, usize)>>,
}

pub(super) struct StageModel<'a> {
    pub(super) stage: Stage<'a>,
    /// The image at the beginning of its chain of stages, with the line that names it.
    pub(super) image: Image,
    /// What programs find in it.
    pub(super) carries: Image,
    pub(super) root: usize,
    pub(super) platform: PlatformChoice,
    pub(super) compiles: Vec<Compile>,
    /// Its other commands.
    pub(super) commands: Vec<Deed>,
    /// What it takes from others.
    pub(super) taken: Vec<Taken>,
    /// The variables at its end, which stages that begin with it inherit: `ARG` too, within one file.
    known: Known,
    /// The stages that it copies from.
    copies: BTreeSet<usize>,
    /// Whether it compiles for several platforms, of which the image's platform picks one.
    pub(super) picked: bool,
}

/// The arguments before the first `FROM`.
struct Globals {
    scope: Scope,
    known: Known,
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
        let globals = Globals { scope: file.global_arguments(), known: Known::globals(file) };
        let mut models: Vec<StageModel<'a>> = Vec::new();
        let mut names = Names::default();
        for stage in stages(file) {
            let name = stage.name.clone();
            let model = StageModel::new(&globals, stage, &models, &names);
            models.push(model);
            names.add(name);
        }
        let copiers = copiers(&models);
        let picked: Vec<bool> =
            (0..models.len()).map(|stage| is_picked(&models, &names, &copiers[stage], stage)).collect();
        models.iter_mut().zip(picked).for_each(|(model, picked)| model.picked = picked);
        let shipped = shipped(&models);
        let (heirs, takers) = (heirs(&models), takers(&models));
        let source = Source::new(text);
        let (products, several) = (Vec::new(), BTreeSet::new());
        let mut model = Self { file, source, stages: models, shipped, products, several, heirs, takers };
        model.take_configured_targets();
        model.products = model.find_products();
        model.several = model.find_several();
        model
    }

    /// Where a configuration file gives cargo its target, this file does not tell for what it compiles.
    fn take_configured_targets(&mut self) {
        let configured: Vec<bool> =
            (0..self.stages.len()).map(|stage| self.has_a_configured_target(stage)).collect();
        for (stage, _) in self.stages.iter_mut().zip(configured).filter(|(_, configured)| *configured) {
            for compile in &mut stage.compiles {
                if compile.language == Language::Rust && compile.target == CompileTarget::Native {
                    (compile.target, compile.links) = (CompileTarget::Unknown, Links::Unknown);
                }
            }
        }
    }

    /// The stages whose programs may come into a stage by `COPY --from`. A stage that compiles copies tools for itself:
    /// what it copies does not go on.
    pub(super) fn sources_of(&self, stage: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> =
            self.chain(stage).flat_map(|link| self.stages[link].copies.iter().copied()).collect();
        while let Some(next) = open.pop() {
            if found.len() < MOST_STAGES && found.insert(next) {
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
        std::iter::successors(Some(stage), |link| self.stages[*link].stage.parent).take(MOST_STAGES)
    }

    /// The stage whose `FROM` gives a stage its platform.
    pub(super) fn pinned(&self, stage: usize) -> &StageModel<'a> {
        let mut links = self.chain(stage).map(|link| &self.stages[link]);
        links.find(|link| link.stage.platform.is_some()).unwrap_or(&self.stages[stage])
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
    fn new(globals: &Globals, stage: Stage<'a>, before: &[StageModel<'a>], names: &Names) -> Self {
        let parent = stage.parent.and_then(|parent| before.get(parent));
        let image = match (parent, &stage.image) {
            (Some(parent), _) => parent.image.clone(),
            (None, Some(image)) => Image::of(image),
            (None, None) => Image::of("unknown"),
        };
        let platform = match (stage.platform, parent) {
            (None, Some(parent)) => parent.platform.clone(),
            (None, None) => PlatformChoice::Target,
            (Some(text), _) => choice(&globals.scope, text),
        };
        let root = parent.map_or(before.len(), |parent| parent.root);
        let taken = taken(&stage, |name| names.find(name));
        let copies = taken.iter().filter_map(|taken| taken.from).collect();
        let base = parent.map_or_else(|| image.clone(), |parent| parent.carries.clone());
        let other = |index: usize| before.get(index).map(StageRef::of);
        let carries = carried(&stage, base, &taken, other);
        let mut known = parent.map(|parent| parent.known.clone()).unwrap_or_default();
        let Steps { compiles, commands } = steps(&stage, &globals.known, &mut known, &image);
        Self {
            stage,
            image,
            carries,
            root,
            platform,
            compiles,
            commands,
            taken,
            known,
            copies,
            picked: false,
        }
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

/// The stages up to one, by name.
#[derive(Default)]
struct Names {
    last: HashMap<String, usize>,
    count: usize,
}

impl Names {
    /// Adds the next stage, whose name is in lower case.
    fn add(&mut self, name: Option<String>) {
        self.last.extend(name.map(|name| (name, self.count)));
        self.count += 1;
    }

    fn find(&self, name: &str) -> Option<usize> {
        let by_name = self.last.get(&name.to_ascii_lowercase()).copied();
        by_name.or_else(|| name.parse().ok().filter(|index| *index < self.count))
    }
}

/// For each stage those that copy from it.
fn copiers(models: &[StageModel<'_>]) -> Vec<Vec<usize>> {
    let mut copiers = vec![Vec::new(); models.len()];
    for (stage, model) in models.iter().enumerate() {
        model.copies.iter().for_each(|from| copiers[*from].push(stage));
    }
    copiers
}

/// Whether what a stage compiles is chosen by the image's platform: `COPY --from=build /$TARGETARCH/app`, or a step of
/// its own after it compiled for more than one.
fn is_picked(models: &[StageModel<'_>], names: &Names, copiers: &[usize], stage: usize) -> bool {
    let takes = |copier: &usize| {
        models[*copier].stage.instructions.iter().any(|instruction| {
            let from = instruction.flag("from").and_then(|flag| flag.value.as_deref());
            let mut mounts = instruction.flags.iter().filter_map(|flag| flag.key("from"));
            let named = from.into_iter().chain(mounts.by_ref()).any(|name| names.find(name) == Some(stage));
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
    copiers.iter().any(takes) || (platforms.len() > 1 && own.stage.instructions.iter().any(chooses))
}

fn constant(compile: &Compile) -> Option<String> {
    match &compile.target {
        CompileTarget::Constant { platform, .. } => Some(platform.to_string()),
        _ => None,
    }
}

fn heirs(models: &[StageModel<'_>]) -> Vec<Vec<usize>> {
    let mut heirs = vec![Vec::new(); models.len()];
    for stage in 0..models.len() {
        let parent = |link: &usize| models[*link].stage.parent;
        for ancestor in std::iter::successors(parent(&stage), parent).take(MOST_STAGES) {
            if heirs[ancestor].len() < MOST_STAGES {
                heirs[ancestor].push(stage);
            }
        }
    }
    heirs
}

fn takers(models: &[StageModel<'_>]) -> Vec<Vec<(usize, usize)>> {
    let mut takers = vec![Vec::new(); models.len()];
    for (stage, model) in models.iter().enumerate() {
        for (number, taken) in model.taken.iter().enumerate() {
            if let Some(from) = taken.from {
                takers[from].push((stage, number));
            }
        }
    }
    takers
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
