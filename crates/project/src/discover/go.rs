//! Discovery of a Go module with `go list`.

pub(super) mod embeds;
pub(super) mod modules;
pub(super) mod packages;
pub(super) mod roles;
pub(super) mod variables;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::error::{ProjectError, some, tool_error};
use super::{DiscoverOptions, Network, Sources, UserSetting, VariableSetting};
use crate::config::grammar::normalized_path;
use crate::language::Language;
use crossdock_fs::{OUTPUT_DIRECTORY, is_marked_output};
use crossdock_platform::{BuildTarget, GoTarget, Linkage};
use crossdock_system::process::{Command, Processes};

use embeds::{GoEmbed, embeds};
use modules::GoModules;
use packages::{GoPackage, Packages};
use roles::{GoRole, assign_roles};
use variables::go_variables;

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
    /// Import paths of the packages that it consists of, outside of the standard library, with cgo files.
    /// `CGO_ENABLED=0` leaves such files out without an error.
    pub cgo_packages: Vec<String>,
    /// The flags of `#cgo` lines for compilers, of all its packages, by GOOS and GOARCH, such as `linux/arm64`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cgo_flags: BTreeMap<String, Vec<UserSetting<String>>>,
    /// All packages that it consists of, by which a build tells how far it is. Platforms differ in a few of them; these are
    /// of one. Empty if go was not asked.
    #[serde(skip)]
    pub packages: Arc<[GoPackage]>,
    /// The patterns of the files that its packages embed, as far as they belong to the project; empty if the project was
    /// read without go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embeds: Vec<GoEmbed>,
}

/// A package, as `go list -json` prints it (`go help list`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPackage {
    import_path: String,
    #[serde(default)]
    dir: Utf8PathBuf,
    #[serde(default)]
    name: String,
    #[serde(default)]
    standard: bool,
    #[serde(default)]
    dep_only: bool,
    #[serde(default)]
    go_files: Vec<String>,
    #[serde(default)]
    cgo_files: Vec<String>,
    #[serde(default)]
    c_files: Vec<String>,
    #[serde(default)]
    h_files: Vec<String>,
    #[serde(default)]
    s_files: Vec<String>,
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
    embed_files: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default)]
    import_map: BTreeMap<String, String>,
    module: Option<ListedModule>,
    error: Option<ListedError>,
}

impl ListedPackage {
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedModule {
    path: String,
    go_version: Option<String>,
    #[serde(default)]
    main: bool,
    dir: Option<Utf8PathBuf>,
    replace: Option<ListedReplacement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedReplacement {
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
    let targets = options
        .platforms
        .iter()
        .filter_map(|platform| BuildTarget::new(platform.clone(), Linkage::Static).go().ok());
    let targets: Vec<GoTarget> = targets.collect();
    let commands = targets.iter().map(|target| list_command(directory, options, target, &patterns));
    let commands: Vec<Command> = commands.collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            commands.iter().map(|command| scope.spawn(move || processes.stdout(command))).collect();
        runs.into_iter().map(|run| run.join()).collect()
    });
    let mut module: Option<GoModule> = None;
    for ((target, command), answer) in targets.iter().zip(&commands).zip(answers) {
        let answer = answer.map_err(|_| ProjectError::Panicked { directory: directory.to_owned() })?;
        let answer = answer.map_err(|error| tool_error(directory, Language::Go, error))?;
        let found = parse_packages(directory, target, command, &answer)?;
        match &mut module {
            Some(module) => merge(module, found),
            None => module = Some(found),
        }
    }
    let mut module = module.ok_or_else(|| no_program(directory, "no platform was specified".into()))?;
    assign_roles(&mut module);
    module.variables = go_variables(processes.environment());
    Ok(module)
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

fn list_command(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    target: &GoTarget,
    patterns: &[String],
) -> Command {
    // With cgo off go would list cgo files among the ignored ones, without a reason.
    go(directory, options)
        // With `-e` go reports a package that it cannot load instead of stopping at the first one.
        .args(["list", "-e", "-deps"])
        .args(["-json=ImportPath,Dir,Name,Standard,DepOnly,GoFiles,CgoFiles,CFiles,HFiles,SFiles,CXXFiles,SysoFiles,CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoLDFLAGS,EmbedPatterns,EmbedFiles,Imports,ImportMap,Module,Error"])
        .args(patterns.iter().cloned())
        .env("CGO_ENABLED", "1")
        .env("GOOS", target.goos)
        .env("GOARCH", target.goarch)
}

fn objects<T: serde::de::DeserializeOwned>(command: &Command, answer: &str) -> Result<Vec<T>, ProjectError> {
    let objects = serde_json::Deserializer::from_str(answer).into_iter();
    let objects: Result<Vec<T>, _> = objects.collect();
    objects.map_err(|source| ProjectError::Answer { command: command.short(), source: source.into() })
}

fn parse_packages(
    directory: &Utf8Path,
    target: &GoTarget,
    command: &Command,
    answer: &str,
) -> Result<GoModule, ProjectError> {
    let packages: Vec<ListedPackage> = objects(command, answer)?;
    let by_path: HashMap<&str, &ListedPackage> =
        packages.iter().map(|package| (package.import_path.as_str(), package)).collect();
    let own: Vec<&ListedPackage> = packages.iter().filter(|package| !package.dep_only).collect();
    let mains = own.iter().filter(|package| package.is_program());
    let all = Packages::new(&packages, &by_path);
    let mains = mains.map(|package| main_of(directory, package, target, &by_path, &all));
    let mains: Vec<GoMain> = mains.collect();
    if mains.is_empty() {
        return Err(without_program(directory, &own));
    }
    let modules: Vec<&ListedModule> = own.iter().filter_map(|package| package.module.as_ref()).collect();
    let module = modules.iter().find(|module| module.main && module.dir.as_deref() == Some(directory));
    let module = module.or(modules.first().filter(|_| directory.join("go.mod").is_file()));
    Ok(GoModule {
        root: directory.to_owned(),
        path: module.map_or_else(
            || directory.file_name().unwrap_or("go.work").to_owned(),
            |found| found.path.clone(),
        ),
        go_version: modules.iter().find_map(|module| module.go_version.clone()),
        toolchain: toolchain_directive(directory),
        modules: GoModules::read(directory),
        sources: sources(directory, &packages),
        mains,
        old_layouts: old_layouts(directory),
        variables: Vec::new(),
    })
}

/// Returns the layouts that crossdock wrote to `dist`, where earlier versions wrote the images of Go projects, sorted.
pub(super) fn old_layouts(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = root.join("dist").read_dir_utf8().into_iter().flatten().flatten();
    let is_layout = |path: &Utf8PathBuf| {
        path.join("oci-layout").is_file() && is_marked_output(path.as_std_path()).unwrap_or(false)
    };
    let mut layouts: Vec<Utf8PathBuf> = entries.map(|entry| entry.into_path()).filter(is_layout).collect();
    layouts.sort();
    layouts
}

fn sources(root: &Utf8Path, packages: &[ListedPackage]) -> Sources {
    let mut sources = Sources::default();
    for package in packages.iter().filter(|package| package.is_local()) {
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
pub(super) fn toolchain_directive(directory: &Utf8Path) -> Option<String> {
    let text = ["go.work", "go.mod"]
        .iter()
        .find_map(|name| crossdock_fs::read_text(directory.join(name).as_std_path()).ok())?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("toolchain "))?;
    let name = line.split("//").next().unwrap_or(line).trim();
    name.strip_prefix("go").map(str::to_owned)
}

fn without_program(directory: &Utf8Path, own: &[&ListedPackage]) -> ProjectError {
    let errors = own.iter().filter_map(|package| package.error.as_ref());
    let reasons: Vec<String> = errors
        .map(|error| match error.pos.as_str() {
            "" => error.err.clone(),
            place => format!("{place}: {}", error.err),
        })
        .collect();
    if !reasons.is_empty() {
        return ProjectError::Broken { directory: directory.to_owned(), reasons };
    }
    if own.is_empty() {
        return no_program(directory, "it has no Go packages for Linux".into());
    }
    let names = own.iter().map(|package| package.import_path.as_str());
    no_program(directory, format!("its packages {} are libraries", some(names)))
}

pub(super) fn no_program(directory: &Utf8Path, found: String) -> ProjectError {
    ProjectError::NoProgram {
        directory: directory.to_owned(),
        found,
        remedy: "a `package main` with `func main()`",
    }
}

fn main_of<'a>(
    root: &Utf8Path,
    package: &'a ListedPackage,
    target: &GoTarget,
    by_path: &HashMap<&'a str, &'a ListedPackage>,
    all: &Packages<'a>,
) -> GoMain {
    let with_cgo = cgo_packages(package, by_path);
    let flags: Vec<_> = with_cgo.values().filter_map(|package| package.compiler_flags()).collect();
    let platform = format!("{}/{}", target.goos, target.goarch);
    let module = package.module.as_ref();
    GoMain {
        name: program_name(&package.import_path).to_owned(),
        import_path: package.import_path.clone(),
        directory: package.dir.clone(),
        module_path: module.map(|module| module.path.clone()).unwrap_or_default(),
        module_directory: module.and_then(|module| module.dir.clone()).unwrap_or_else(|| package.dir.clone()),
        role: GoRole::Default,
        cgo_packages: with_cgo.into_keys().map(str::to_owned).collect(),
        cgo_flags: BTreeMap::from([(platform, flags)])
            .into_iter()
            .filter(|(_, flags)| !flags.is_empty())
            .collect(),
        packages: all.of(package),
        embeds: embeds(root, package, by_path),
    }
}

/// Returns the name that `go build` gives a program: the last component of the import path, or the one before a major
/// version (`…/tool/v2`).
pub(super) fn program_name(import_path: &str) -> &str {
    let (rest, last) = import_path.rsplit_once('/').unwrap_or(("", import_path));
    let version =
        last.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|major| major > 1);
    match rest.rsplit('/').next() {
        Some(name) if version && !name.is_empty() => name,
        _ => last,
    }
}

/// Returns the packages with cgo files, outside of the standard library, that a program consists of.
fn cgo_packages<'a>(
    main: &'a ListedPackage,
    by_path: &HashMap<&'a str, &'a ListedPackage>,
) -> BTreeMap<&'a str, &'a ListedPackage> {
    let mut seen = BTreeSet::from([main.import_path.as_str()]);
    let mut pending = vec![main];
    let mut found = BTreeMap::new();
    while let Some(package) = pending.pop() {
        if !package.cgo_files.is_empty() {
            found.insert(package.import_path.as_str(), package);
        }
        for import in &package.imports {
            let path = package.import_map.get(import).unwrap_or(import);
            let next = by_path.get(path.as_str()).filter(|next| !next.standard);
            if let Some(next) = next.filter(|next| seen.insert(&next.import_path)) {
                pending.push(next);
            }
        }
    }
    found
}

/// Adds the programs and sources that the files of another platform have.
fn merge(module: &mut GoModule, other: GoModule) {
    module.sources.merge(other.sources);
    module.sources = std::mem::take(&mut module.sources).reduced();
    for main in other.mains {
        match module.mains.iter_mut().find(|known| known.import_path == main.import_path) {
            Some(known) => {
                let both: BTreeSet<String> = known.cgo_packages.drain(..).chain(main.cgo_packages).collect();
                known.cgo_packages = both.into_iter().collect();
                known.cgo_flags.extend(main.cgo_flags);
                let both: BTreeSet<GoEmbed> = known.embeds.drain(..).chain(main.embeds).collect();
                known.embeds = both.into_iter().collect();
            }
            None => module.mains.push(main),
        }
    }
}
