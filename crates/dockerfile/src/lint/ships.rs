//! Which compile steps write a program that comes into an image, and which write a tool for the build itself.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::{Compile, CompileTarget, Deed, Place, Writes, is_of_a_target};
use super::model::{Model, StageModel};
use crate::read::{Instruction, Stage};

/// What a stage takes from another one.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// The stage or image, as the file names it.
    pub(super) name: String,
    /// The stage.
    pub(super) from: Option<usize>,
    pub(super) places: Vec<Place>,
    /// Where it goes; nothing for a mount.
    pub(super) onto: Option<Place>,
}

/// What the instructions of a stage take from others, by `COPY --from` and by mounts.
pub(super) fn taken(stage: &Stage<'_>, find: impl Fn(&str) -> Option<usize>) -> Vec<Taken> {
    let all = stage
        .instructions
        .iter()
        .flat_map(|instruction| copied(instruction).into_iter().chain(mounted(instruction)));
    all.map(|taken| Taken { from: find(&taken.name), ..taken }).collect()
}

fn copied(instruction: &Instruction) -> Option<Taken> {
    let name = instruction.flag("from")?.value.clone()?;
    let (onto, sources) = instruction.arguments.words().split_last()?;
    let place = |word: &String| Place::new(Some("/"), word.trim_matches(['"', '\'']));
    Some(Taken { name, from: None, places: sources.iter().map(place).collect(), onto: Some(place(onto)) })
}

fn mounted(instruction: &Instruction) -> impl Iterator<Item = Taken> {
    instruction.flags.iter().filter(|flag| flag.name == "mount").filter_map(|mount| {
        let source = mount.key("source").or_else(|| mount.key("src")).unwrap_or("/");
        let places = vec![Place::new(Some("/"), source)];
        Some(Taken { name: mount.key("from")?.to_owned(), from: None, places, onto: None })
    })
}

/// A compile step whose product may come into an image: numbers of stages, and of the step in its stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shipping {
    shipped: usize,
    stage: usize,
    compile: usize,
}

/// How many places a program is followed to, and how many words of a command are looked at: with more, it may be anywhere.
const MOST_PLACES: usize = 64;

/// How many commands after a compile step are looked at.
const MOST_COMMANDS: usize = 500;

impl<'a> Model<'a> {
    /// Every shipped stage with each compile step whose program may come into it.
    pub(super) fn programs(&self) -> impl Iterator<Item = (usize, &StageModel<'a>, &Compile)> {
        let products = self.products.iter().map(|product| {
            let stage = &self.stages[product.stage];
            (product.shipped, stage, &stage.compiles[product.compile])
        });
        products.filter(|(.., compile)| compile.target != CompileTarget::Foreign)
    }

    /// The same, with programs of other systems.
    pub(super) fn find_products(&self) -> Vec<Shipping> {
        let mut found = Vec::new();
        // The answer is the same for every image, and many images may take one program.
        let mut known: BTreeMap<(bool, usize, usize), bool> = BTreeMap::new();
        for shipped in self.shipped.iter().copied() {
            let chain: BTreeSet<usize> = self.chain(shipped).collect();
            for stage in self.sources_of(shipped).union(&chain).copied() {
                let begins = chain.contains(&stage);
                for (compile, one) in self.stages[stage].compiles.iter().enumerate() {
                    let key = (begins, stage, compile);
                    if *known.entry(key).or_insert_with(|| self.ships(begins, stage, one)) {
                        found.push(Shipping { shipped, stage, compile });
                    }
                }
            }
        }
        found
    }

    /// Whether an image gets programs for several platforms from a stage: they are there to be downloaded.
    pub(super) fn has_several(&self, shipped: usize, stage: &StageModel<'_>) -> bool {
        self.several.contains(&(shipped, stage.line()))
    }

    pub(super) fn find_several(&self) -> BTreeSet<(usize, usize)> {
        let mut platforms: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
        for one in &self.products {
            let stage = &self.stages[one.stage];
            let platform = match &stage.compiles[one.compile].target {
                CompileTarget::Constant { platform, .. } => platform.to_string(),
                CompileTarget::Foreign => "another system".to_owned(),
                _ => continue,
            };
            platforms.entry((one.shipped, stage.line())).or_default().insert(platform);
        }
        platforms.into_iter().filter(|(_, platforms)| platforms.len() > 1).map(|(place, _)| place).collect()
    }

    /// Whether what a compile step of a stage writes may come into an image, which begins with the stage or takes from it.
    fn ships(&self, begins: bool, stage: usize, compile: &Compile) -> bool {
        let mut places = match &compile.product.writes {
            Writes::Nothing => return false,
            Writes::Perhaps => {
                let writing = |one: &&Compile| one.product.writes != Writes::Nothing;
                return self.stages[stage].compiles.iter().filter(writing).count() == 1;
            }
            Writes::To(places) => places.clone(),
            Writes::Unknown => vec![Place::new(None, "")],
        };
        let later: Vec<&Deed> = self.later(stage, compile).take(MOST_COMMANDS).collect();
        let names = &compile.product.names;
        let named = |place: &Place| place.name().is_some_and(|name| names.iter().any(|one| one == name));
        let moved: Vec<Place> = later.iter().flat_map(|deed| follow(deed, &mut places)).collect();
        let copied: Vec<&Place> = self.copies_of(stage).flat_map(|taken| &taken.places).collect();
        // A tool of the build runs in it, beside the program that is its purpose.
        let kept = moved.iter().chain(copied.iter().copied()).any(named);
        if self.runs(stage, compile) && !kept && self.stages[stage].compiles.len() > 1 {
            return false;
        }
        begins
            || later.len() == MOST_COMMANDS
            || copied.iter().any(|copy| places.iter().any(|place| place.touches(copy)))
    }

    /// Whether a stage, or one that begins with it, starts what a compile step of it wrote.
    pub(super) fn runs(&self, stage: usize, compile: &Compile) -> bool {
        self.later(stage, compile).take(MOST_COMMANDS).any(|deed| {
            let program = deed.words.first().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
            compile.product.names.iter().any(|name| name == program)
        })
    }

    /// The commands after a compile step, in its stage and in those that begin with it.
    fn later<'m>(&'m self, stage: usize, compile: &'m Compile) -> impl Iterator<Item = &'m Deed> {
        let own = self.stages[stage].commands.iter().skip(compile.after);
        own.chain(self.heirs[stage].iter().flat_map(|heir| &self.stages[*heir].commands))
    }

    /// What is taken from a stage or from those that begin with it.
    fn copies_of(&self, stage: usize) -> impl Iterator<Item = &Taken> {
        let stages = std::iter::once(stage).chain(self.heirs[stage].iter().copied());
        stages.flat_map(|from| &self.takers[from]).map(|(taker, index)| &self.stages[*taker].taken[*index])
    }

    /// Whether a configuration file gives cargo its target: one is written, or what cargo writes is looked for in the
    /// folder of a target that no step names.
    pub(super) fn has_a_configured_target(&self, stage: usize) -> bool {
        let commands = self.stages[stage].commands.iter().flat_map(|deed| &deed.words);
        let written =
            self.stages[stage].stage.instructions.iter().any(|one| one.joined().contains("cargo/config"));
        let places = self.copies_of(stage).flat_map(|taken| &taken.places);
        written
            || commands.into_iter().any(|word| is_of_a_target(word))
            || places.into_iter().any(Place::is_of_a_target)
    }
}

/// Programs that put a copy, or the file itself, somewhere else.
const MOVERS: &[&str] = &["cp", "mv", "install", "ln", "rsync"];

/// Programs that put a copy where their words do not tell.
const PACKERS: &[&str] = &["tar", "zip", "7z", "upx", "objcopy", "cat", "dd"];

/// Follows a program to where a command puts it. Gives what the command takes.
fn follow(deed: &Deed, places: &mut Vec<Place>) -> Vec<Place> {
    let Some((program, arguments)) = deed.words.split_first() else { return Vec::new() };
    let program = program.rsplit('/').next().unwrap_or_default();
    if !MOVERS.contains(&program) && !PACKERS.contains(&program) {
        return Vec::new();
    }
    if arguments.len() > MOST_PLACES || places.len() > MOST_PLACES {
        places.truncate(MOST_PLACES);
        places.push(Place::new(None, ""));
        return Vec::new();
    }
    let arguments: Vec<Place> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .map(|word| Place::new(deed.folder.as_deref(), word))
        .collect();
    let takes = |word: &&Place| {
        let known = |place: &Place| place.is_known() && word.is_known();
        places.iter().any(|place| if known(place) { place.touches(word) } else { place.is(word) })
    };
    if PACKERS.contains(&program) {
        let taken: Vec<Place> = arguments.iter().filter(takes).cloned().collect();
        places.extend((!taken.is_empty()).then(|| Place::new(None, "")));
        return taken;
    }
    let Some((onto, sources)) = arguments.split_last() else { return Vec::new() };
    let taken: Vec<Place> = sources.iter().filter(takes).cloned().collect();
    if !taken.is_empty() {
        places.extend(taken.iter().filter_map(Place::name).map(|name| onto.join(name)));
        places.push(onto.clone());
    }
    taken
}
