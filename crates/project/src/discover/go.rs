//! Discovery of a Go module with `go list`.

mod answers;
pub(super) mod cgo;
pub(super) mod constraints;
pub(super) mod embeds;
mod exports;
pub(super) mod inputs;
pub(super) mod modules;
pub(super) mod packages;
pub(super) mod roles;
pub(super) mod variables;

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::error::{ProjectError, some, tool_error};
use super::{DiscoverOptions, Network, Sources, UserSetting, VariableSetting};
use crate::config::grammar::normalized_path;
use crate::language::Language;
use crossdock_fs::{OUTPUT_DIRECTORY, is_marked_output};
use crossdock_platform::{BuildTarget, GoTarget, Linkage, Platform};
use crossdock_system::process::{Command, Processes};

use answers::Answer;
use cgo::{CgoLoss, Imports};
use embeds::{GoEmbed, embeds};
use inputs::GoInputs;
use modules::GoModules;
use packages::{GoPackage, Packages};
use roles::{GoRole, assign_roles};
use variables::{go_variables, ignores_workspace};

/// A Go module, as `go list` reports it.
#[derive(Debug, Clone, Serialize)]
pub struct GoModule {
    /// The directory of `go.mod` or `go.work`.
    pub root: Utf8PathBuf,
    /// The module path; for a `go.work` without a module next to it, the name of the directory.
    pub path: String,
    /// The `go` directive, such as `1.25`.
    pub go_version: Option<String>,
    /// The `toolchain` directive of `go.mod` or `go.work`, such as `1.26.3`.
    pub toolchain: Option<String>,
    /// The modules that the build reads.
    pub modules: GoModules,
    /// The directories of the module's or workspace's packages and of local replacements.
    pub sources: Sources,
    /// The main packages.
    pub mains: Vec<GoMain>,
    /// The packages of the programs; `None` if the project was read without go.
    #[serde(skip)]
    pub inputs: Option<Arc<GoInputs>>,
    /// Images that earlier versions of crossdock left in `dist`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub old_layouts: Vec<Utf8PathBuf>,
    /// The user's variables that change what go compiles, such as GOFLAGS and CGO_CFLAGS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<VariableSetting>,
}

/// A main package of a Go module.
#[derive(Debug, Clone, Serialize)]
pub struct GoMain {
    /// The name that `go build` gives the program.
    pub name: String,
    /// The import path.
    pub import_path: String,
    /// The directory.
    pub directory: Utf8PathBuf,
    /// The path of its module.
    pub module_path: String,
    /// The directory of its module's `go.mod`.
    pub module_directory: Utf8PathBuf,
    /// Whether it becomes an image without configuration, and why.
    pub role: GoRole,
    /// The facts about each platform that was asked about; `None` if the program has no files for it.
    pub platforms: BTreeMap<Platform, Option<GoFacts>>,
    /// All packages that it consists of, by which a build tells how far it is. Platforms differ in a few of them; these are
    /// of one. Empty if go was not asked.
    #[serde(skip)]
    pub packages: Arc<[GoPackage]>,
    /// The patterns of the files that its packages embed, as far as they belong to the project; empty if the project was
    /// read without go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embeds: Vec<GoEmbed>,
}

/// The facts about a program that differ between platforms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GoFacts {
    /// Import paths of the packages that it consists of, outside of the standard library, with cgo files.
    pub cgo_packages: Vec<String>,
    /// The flags of their `#cgo` lines for compilers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cgo_flags: Vec<UserSetting<String>>,
    /// The packages that lose a part of themselves without cgo: `CGO_ENABLED=0` leaves out cgo files, and those that need
    /// cgo by a build constraint, without an error. A package that has other files in their place loses nothing.
    pub cgo_losses: Vec<CgoLoss>,
}

impl GoMain {
    /// Returns whether the program has files for a platform. It has them for one that go does not support, because
    /// nothing is known about it.
    pub fn has_files_for(&self, platform: &Platform) -> bool {
        !matches!(self.platforms.get(platform), Some(None))
    }

    /// Returns the facts about a platform; `None` if it has no files for it, or was not asked about.
    pub fn facts(&self, platform: &Platform) -> Option<&GoFacts> {
        self.platforms.get(platform)?.as_ref()
    }
}

/// The answer of go for one platform.
pub(super) struct Listing {
    pub(super) platform: Platform,
    /// The packages of the module and their dependencies, with cgo.
    pub(super) packages: Vec<ListedPackage>,
    /// The packages without cgo; `None` if they are the same.
    pub(super) without_cgo: Option<Vec<ListedPackage>>,
}

/// A package, as `go list -json` prints it (`go help list`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedPackage {
    import_path: String,
    #[serde(default)]
    dir: Utf8PathBuf,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    standard: bool,
    #[serde(default)]
    dep_only: bool,
    #[serde(default)]
    pub(super) go_files: Vec<String>,
    #[serde(default)]
    pub(super) cgo_files: Vec<String>,
    #[serde(default)]
    pub(super) c_files: Vec<String>,
    #[serde(default)]
    pub(super) h_files: Vec<String>,
    #[serde(default)]
    pub(super) s_files: Vec<String>,
    #[serde(default, rename = "CXXFiles")]
    cxx_files: Vec<String>,
    #[serde(default)]
    syso_files: Vec<String>,
    #[serde(default, rename = "CgoCFLAGS")]
    cgo_c_flags: Vec<String>,
    #[serde(default, rename = "CgoCPPFLAGS")]
    cgo_cpp_flags: Vec<String>,
    #[serde(default, rename = "CgoCXXFLAGS")]
    cgo_cxx_flags: Vec<String>,
    #[serde(default, rename = "CgoLDFLAGS")]
    cgo_ld_flags: Vec<String>,
    #[serde(default)]
    embed_patterns: Vec<String>,
    #[serde(default)]
    pub(super) embed_files: Vec<String>,
    #[serde(default)]
    pub(super) imports: Vec<String>,
    #[serde(default)]
    import_map: BTreeMap<String, String>,
    module: Option<ListedModule>,
    error: Option<ListedError>,
}

impl ListedPackage {
    /// Creates a package of a module that has no files yet.
    pub(super) fn new(import_path: String, dir: Utf8PathBuf, module: ListedModule) -> Self {
        Self { import_path, dir, module: Some(module), ..Self::default() }
    }

    /// Returns whether the package belongs to the module, to another one of the workspace, or to a local replacement.
    fn is_local(&self) -> bool {
        self.module.as_ref().is_some_and(|module| {
            module.main || module.replace.as_ref().is_some_and(|replacement| replacement.version.is_none())
        })
    }

    /// Returns patterns for the files that the compiler reads, and the files that they embed.
    fn files(&self) -> impl Iterator<Item = String> {
        let kinds = [&self.c_files, &self.cxx_files, &self.h_files, &self.s_files, &self.syso_files];
        let endings = kinds.into_iter().flatten().filter_map(|file| file.rsplit_once('.'));
        let others: BTreeSet<String> = endings.map(|(_, ending)| format!("*.{ending}")).collect();
        // Output of crossdock is in no build context, whether it exists already or not.
        let embedded = self.embed_files.iter().filter_map(|file| file.split('/').next());
        let embedded = embedded.filter(|first| *first != OUTPUT_DIRECTORY).map(str::to_owned);
        std::iter::once("*.go".to_owned()).chain(others).chain(embedded)
    }

    /// Returns the directories of `-I` and `-L` of cgo's compiler and linker. Go has replaced `${SRCDIR}` in them.
    fn search_directories(&self) -> impl Iterator<Item = Utf8PathBuf> {
        let flags = [&self.cgo_c_flags, &self.cgo_cpp_flags, &self.cgo_cxx_flags, &self.cgo_ld_flags];
        let directory =
            |flag: &String| flag.strip_prefix("-I").or_else(|| flag.strip_prefix("-L")).map(normalized_path);
        flags.into_iter().flatten().filter_map(directory).filter(|directory| directory.is_absolute())
    }

    /// Returns the flags of its `#cgo` lines for compilers; `None` if it has none.
    fn compiler_flags(&self) -> Option<UserSetting<String>> {
        let flags = [&self.cgo_c_flags, &self.cgo_cpp_flags, &self.cgo_cxx_flags];
        let value = flags.map(|flags| flags.join(" ")).join(" ").trim().to_owned();
        let place = format!("the #cgo lines of {}", self.import_path);
        (!value.is_empty()).then_some(UserSetting { value, place })
    }

    /// Returns whether it is a main package with more than tests.
    fn is_program(&self) -> bool {
        self.name == "main" && !(self.go_files.is_empty() && self.cgo_files.is_empty())
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedModule {
    pub(super) path: String,
    pub(super) go_version: Option<String>,
    #[serde(default)]
    pub(super) main: bool,
    pub(super) version: Option<String>,
    pub(super) dir: Option<Utf8PathBuf>,
    pub(super) replace: Option<ListedReplacement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedReplacement {
    version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedError {
    #[serde(default)]
    pos: String,
    err: String,
}

pub(super) fn module(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    processes: &Processes,
) -> Result<GoModule, ProjectError> {
    let patterns = patterns(directory, options, processes)?;
    let targets = targets(&options.platforms);
    let question = Question { directory, options, patterns: &patterns, processes };
    let variables = go_variables(processes.environment());
    let mut module = module_of(directory, &question.listings(targets)?, variables)?;
    assign_roles(&mut module);
    Ok(module)
}

/// Returns the Go ports of the platforms, or those of the default platforms if Go supports none of them.
pub(super) fn targets(platforms: &[Platform]) -> Vec<(Platform, GoTarget)> {
    let supported = |platforms: &[Platform]| -> Vec<_> {
        let target = |platform: &Platform| {
            let target = BuildTarget::new(platform.clone(), Linkage::Static).go().ok()?;
            Some((platform.clone(), target))
        };
        platforms.iter().filter_map(target).collect()
    };
    let asked = supported(platforms);
    if asked.is_empty() { supported(&[Platform::LINUX_AMD64, Platform::LINUX_ARM64]) } else { asked }
}

/// The value of `CGO_ENABLED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cgo {
    Off,
    On,
}

/// The question of `go list`, for any platform.
struct Question<'a> {
    directory: &'a Utf8Path,
    options: &'a DiscoverOptions,
    patterns: &'a [String],
    processes: &'a Processes,
}

impl Question<'_> {
    /// Returns the answer for each target. Without cgo, go is asked only for the targets that have cgo files.
    fn listings(&self, targets: Vec<(Platform, GoTarget)>) -> Result<Vec<Listing>, ProjectError> {
        let with: Vec<_> = targets.iter().map(|(_, target)| (target, Cgo::On)).collect();
        let with = self.packages(&with)?;
        let has_cgo = |packages: &&Vec<ListedPackage>| {
            packages.iter().any(|package| !package.standard && !package.cgo_files.is_empty())
        };
        let without = targets.iter().zip(&with).filter(|(_, packages)| has_cgo(packages));
        let without: Vec<_> = without.map(|((_, target), _)| (target, Cgo::Off)).collect();
        let mut without = self.packages(&without)?.into_iter();
        let listing = |((platform, _), packages): (_, Vec<ListedPackage>)| {
            let without_cgo = if has_cgo(&&packages) { without.next() } else { None };
            Listing { platform, packages, without_cgo }
        };
        Ok(targets.iter().cloned().zip(with).map(listing).collect())
    }

    /// Returns the packages for each target, for which go is asked side by side.
    fn packages(&self, asked: &[(&GoTarget, Cgo)]) -> Result<Vec<Vec<ListedPackage>>, ProjectError> {
        let packages = |(target, cgo): (&GoTarget, Cgo)| {
            let command = self.list(target, cgo);
            let remembered = self.remembered(&command);
            if let Some(answer) = remembered.as_ref().and_then(Answer::recall) {
                return objects(&command, &answer);
            }
            let before = remembered.as_ref().and_then(Answer::before);
            let answer = self.processes.stdout(&command);
            let answer = answer.map_err(|error| tool_error(self.directory, Language::Go, error))?;
            let packages: Vec<ListedPackage> = objects(&command, &answer)?;
            if let Some(remembered) = remembered {
                let own = packages.iter().filter(|package| !package.standard);
                remembered.remember(before, &answer, own.map(|package| package.dir.as_path()));
            }
            Ok(packages)
        };
        thread::scope(|scope| {
            let packages = &packages;
            let runs: Vec<_> = asked.iter().map(|asked| scope.spawn(move || packages(*asked))).collect();
            let panicked = || ProjectError::Panicked { directory: self.directory.to_owned() };
            runs.into_iter().map(|run| run.join().map_err(|_| panicked())?).collect()
        })
    }

    fn remembered(&self, command: &Command) -> Option<Answer<'_>> {
        Answer::of(command, self.directory, self.options.answers.as_deref()?, self.processes.environment())
    }

    fn list(&self, target: &GoTarget, cgo: Cgo) -> Command {
        let mut command = go(self.directory, self.options)
            // With `-e` go reports a package that it cannot load instead of stopping at the first one.
            .args(["list", "-e", "-deps"])
            .args(["-json=ImportPath,Dir,Name,Standard,DepOnly,GoFiles,CgoFiles,CFiles,HFiles,SFiles,CXXFiles,SysoFiles,CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoLDFLAGS,EmbedPatterns,EmbedFiles,Imports,ImportMap,Module,Error"])
            .args(self.patterns.iter().cloned())
            .env("CGO_ENABLED", if cgo == Cgo::On { "1" } else { "0" });
        // A level such as GOAMD64=v3 satisfies build constraints too.
        command.environment.extend(target.env());
        command
    }
}

/// Returns the patterns of all packages: of the module, or of all modules of a workspace without one in its root.
fn patterns(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    processes: &Processes,
) -> Result<Vec<String>, ProjectError> {
    if directory.join("go.mod").is_file() {
        return Ok(vec!["./...".into()]);
    }
    let command = go(directory, options).args(["list", "-m", "-json=Path,Dir,Main"]);
    let answer = processes.stdout(&command).map_err(|error| tool_error(directory, Language::Go, error))?;
    let modules: Vec<ListedModule> = objects(&command, &answer)?;
    Ok(modules.into_iter().map(|module| format!("{}/...", module.path)).collect())
}

fn go(directory: &Utf8Path, options: &DiscoverOptions) -> Command {
    let command = Command::new(&options.go, directory);
    match options.network {
        Network::Online => command,
        // go has no option for this: without a proxy it uses its module cache only.
        Network::Offline => command.env("GOPROXY", "off"),
    }
}

fn objects<T: serde::de::DeserializeOwned>(command: &Command, answer: &str) -> Result<Vec<T>, ProjectError> {
    let objects = serde_json::Deserializer::from_str(answer).into_iter();
    let objects: Result<Vec<T>, _> = objects.collect();
    objects.map_err(|source| ProjectError::Answer { command: command.short(), source: source.into() })
}

/// Returns the module with the programs of all platforms.
pub(super) fn module_of(
    directory: &Utf8Path,
    listings: &[Listing],
    variables: Vec<VariableSetting>,
) -> Result<GoModule, ProjectError> {
    let mains = mains(directory, listings);
    if mains.is_empty() {
        return Err(without_program(directory, listings));
    }
    let own = listings.iter().flat_map(Listing::own);
    let modules: Vec<&ListedModule> = own.filter_map(|package| package.module.as_ref()).collect();
    let module = modules.iter().find(|module| module.main && module.dir.as_deref() == Some(directory));
    let module = module.or(modules.first().filter(|_| directory.join("go.mod").is_file()));
    let is_alone = ignores_workspace(&variables);
    Ok(GoModule {
        root: directory.to_owned(),
        path: module.map_or_else(
            || directory.file_name().unwrap_or("go.work").to_owned(),
            |found| found.path.clone(),
        ),
        go_version: modules.iter().find_map(|module| module.go_version.clone()),
        toolchain: toolchain_directive(directory, is_alone),
        modules: GoModules::read(directory, is_alone),
        sources: sources(directory, listings),
        mains,
        inputs: Some(Arc::new(GoInputs::new(listings))),
        old_layouts: old_layouts(directory),
        variables,
    })
}

/// Returns the layouts that crossdock wrote to `dist`, where earlier versions wrote the images of Go projects, sorted.
fn old_layouts(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = root.join("dist").read_dir_utf8().into_iter().flatten().flatten();
    let is_layout = |path: &Utf8PathBuf| {
        path.join("oci-layout").is_file() && is_marked_output(path.as_std_path()).unwrap_or(false)
    };
    let mut layouts: Vec<Utf8PathBuf> = entries.map(|entry| entry.into_path()).filter(is_layout).collect();
    layouts.sort();
    layouts
}

/// Returns the programs of all platforms, in the order in which go lists them for the first.
fn mains(root: &Utf8Path, listings: &[Listing]) -> Vec<GoMain> {
    let mut mains: Vec<GoMain> = Vec::new();
    for listing in listings {
        let imports = Imports::new(&listing.packages, listing.without_cgo.as_deref());
        let by_path: HashMap<&str, &ListedPackage> =
            listing.packages.iter().map(|package| (package.import_path.as_str(), package)).collect();
        // A program that an earlier platform has is not asked about again.
        let all = LazyCell::new(|| Packages::new(&listing.packages, &by_path));
        for package in listing.own().filter(|package| package.is_program()) {
            let known = mains.iter().position(|known| known.import_path == package.import_path);
            let index = known.unwrap_or_else(|| {
                mains.push(main_of(package, all.of(package)));
                mains.len() - 1
            });
            mains[index].platforms.insert(listing.platform.clone(), Some(imports.facts(package)));
            mains[index].embeds.extend(embeds(root, package, &by_path));
        }
    }
    for listing in listings {
        for main in &mut mains {
            main.platforms.entry(listing.platform.clone()).or_insert(None);
        }
    }
    for main in &mut mains {
        let all: BTreeSet<GoEmbed> = main.embeds.drain(..).collect();
        main.embeds.extend(all);
    }
    mains
}

impl Listing {
    /// Returns the packages of the module itself, or of the modules of a workspace.
    fn own(&self) -> impl Iterator<Item = &ListedPackage> {
        self.packages.iter().filter(|package| !package.dep_only)
    }

    /// Returns all packages, with and without cgo.
    fn all(&self) -> impl Iterator<Item = &ListedPackage> {
        self.packages.iter().chain(self.without_cgo.iter().flatten())
    }
}

fn sources(root: &Utf8Path, listings: &[Listing]) -> Sources {
    let mut sources = Sources::default();
    for package in listings.iter().flat_map(Listing::all).filter(|package| package.is_local()) {
        sources.add(root, &package.dir, package.files());
        // Directories outside of the root belong to the system; the image has its own.
        for directory in
            package.search_directories().filter(|directory| directory != root && directory.starts_with(root))
        {
            sources.add(root, &directory, std::iter::empty());
        }
    }
    sources.reduced()
}

/// Returns the version of the `toolchain` directive, such as `toolchain go1.26.3` (Go Modules Reference, "toolchain
/// directive").
fn toolchain_directive(directory: &Utf8Path, ignores_workspace: bool) -> Option<String> {
    let text = ["go.work", "go.mod"]
        .iter()
        .skip(usize::from(ignores_workspace))
        .find_map(|name| crossdock_fs::read_text(directory.join(name).as_std_path()).ok())?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("toolchain "))?;
    let name = line.split("//").next().unwrap_or(line).trim();
    name.strip_prefix("go").map(str::to_owned)
}

fn without_program(directory: &Utf8Path, listings: &[Listing]) -> ProjectError {
    let own: Vec<&ListedPackage> = listings.iter().flat_map(Listing::own).collect();
    let mut reasons: Vec<String> = Vec::new();
    for error in own.iter().filter_map(|package| package.error.as_ref()) {
        let reason = match error.pos.as_str() {
            "" => error.err.clone(),
            place => format!("{place}: {}", error.err),
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if !reasons.is_empty() {
        return ProjectError::Broken { directory: directory.to_owned(), reasons };
    }
    if own.is_empty() {
        let platforms: Vec<String> = listings.iter().map(|listing| listing.platform.to_string()).collect();
        let platforms = some(platforms.iter().map(String::as_str));
        return no_program(directory, format!("it has no Go packages for {platforms}"));
    }
    let names: BTreeSet<&str> = own.iter().map(|package| package.import_path.as_str()).collect();
    no_program(directory, format!("its packages {} are libraries", some(names)))
}

fn no_program(directory: &Utf8Path, found: String) -> ProjectError {
    ProjectError::NoProgram {
        directory: directory.to_owned(),
        found,
        remedy: "a `package main` with `func main()`",
    }
}

fn main_of(package: &ListedPackage, packages: Arc<[GoPackage]>) -> GoMain {
    let module = package.module.as_ref();
    GoMain {
        name: program_name(&package.import_path).to_owned(),
        import_path: package.import_path.clone(),
        directory: package.dir.clone(),
        module_path: module.map(|module| module.path.clone()).unwrap_or_default(),
        module_directory: module.and_then(|module| module.dir.clone()).unwrap_or_else(|| package.dir.clone()),
        role: GoRole::Default,
        platforms: BTreeMap::new(),
        packages,
        embeds: Vec::new(),
    }
}

/// Returns the name that `go build` gives a program: the last component of the import path, or the one before a major
/// version (`…/tool/v2`).
fn program_name(import_path: &str) -> &str {
    let (rest, last) = import_path.rsplit_once('/').unwrap_or(("", import_path));
    let version =
        last.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|major| major > 1);
    match rest.rsplit('/').next() {
        Some(name) if version && !name.is_empty() => name,
        _ => last,
    }
}
