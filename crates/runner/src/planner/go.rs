//! Go images: the toolchain of each platform, and one call of `go build` per platform and set of flags for all programs of
//! a module.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{BuildTarget, Platform};

use super::Planner;
use super::compiler_flags::{self, has_flags, replaced_compiler};
use super::error::PlanError;
use super::goflags;
use super::images::{SelectedImage, go_build_directory, program_path};
use super::request::Request;
use super::steps::Call;
use crate::plan::{Artifact, BuildInfo, Expected, GoBuild, ProgramPlan};
use crate::text::{platform_slug, short_hash};
use crossdock_project::config::{ImageConfig, Libc, Linkage, Sourced};
use crossdock_project::{GoMain, GoModule, GoPackage, Network, Program, VariableSetting};
use crossdock_system::availability::Availability;
use crossdock_system::process::Command;
use crossdock_toolchain::choice::{GoChoice, GoRequest, choose_go, go_settings};
use crossdock_toolchain::doctor::Requirement;

impl Planner<'_> {
    /// Plans the programs of each platform, in the order of the platforms.
    pub(super) fn go_programs(
        &mut self,
        selected: &SelectedImage<'_>,
        module: &GoModule,
        wanted: &[Platform],
    ) -> Result<Vec<Vec<ProgramPlan>>, PlanError> {
        let image = &selected.config;
        let programs = go_only(&selected.programs);
        check_cgo(image, &programs, wanted)?;
        if self.engine_route().is_none() {
            check_musl_loader(image)?;
        }
        // Without cgo no compiler reads its flags. An engine gets the variables too.
        let has_c_code = image.cgo.as_ref().is_some_and(|cgo| cgo.value);
        let variables = module.variables.iter().filter(|one| has_c_code && one.is_for_cgo_compiler());
        let variables: Vec<&VariableSetting> = variables.collect();
        let levels = module.variables.iter().filter(|variable| variable.is_level());
        for (variable, platform) in levels.flat_map(|one| wanted.iter().map(move |platform| (one, platform)))
        {
            ineffective_level(image, variable, platform).into_iter().for_each(|note| self.warn(note));
        }
        let infos = self.build_infos(selected, module, &programs)?;
        let each = wanted.iter().map(|platform| {
            let request = GoRequest::new(&module.root, platform, &image.linkage)
                .with_cgo(image.cgo.as_ref())
                .with_libc(image.libc.as_ref());
            let why = match self.engine_route() {
                Some(why) => why,
                None => match choose_go(&request, self.host, &self.request.cache) {
                    Availability::Available(choice) => {
                        self.plan_go_platform(selected, module, (&programs, &infos), &choice)?;
                        choice.why
                    }
                    Availability::Unavailable(missing) => {
                        self.record_unbuildable(&image.name.value, platform, missing)
                    }
                },
            };
            // Go has no settings for a platform that it does not support, which is among what is missing.
            let settings = go_settings(&request).unwrap_or_default();
            let planned = programs.iter().zip(&infos).map(|(main, info)| {
                let lines =
                    main.facts(platform).filter(|_| has_c_code).map(|facts| facts.cgo_flags.as_slice());
                let lines = lines.unwrap_or_default();
                let compiler_flags = compiler_flags::of_cgo(&variables, lines, platform);
                let settings = settings.clone().into_iter().chain(info.settings()).collect();
                let expected = Expected::Go { settings, version: info.expected_version(), compiler_flags };
                program(image, main, platform, (expected, info), &why)
            });
            Ok(planned.collect())
        });
        each.collect()
    }

    fn plan_go_platform(
        &mut self,
        selected: &SelectedImage<'_>,
        module: &GoModule,
        (programs, infos): (&[&GoMain], &[BuildInfo]),
        choice: &GoChoice,
    ) -> Result<(), PlanError> {
        let image = &selected.config;
        // There is no choice without a toolchain. Without its flags, those that contradict the plan would be overridden.
        let go = self.host.go_toolchain(&module.root).map_err(|unavailable| {
            PlanError::internal(
                &image.name.value,
                format!("its Go toolchain was chosen but is unavailable: {unavailable}"),
            )
        })?;
        let tags = choice.arguments.iter().find(|argument| argument.starts_with("-tags"));
        for info in infos {
            check_goflags(image, &go.flags, tags.map(String::as_str), Stamp::of(info))?;
        }
        for compiler in module.variables.iter().filter(|variable| is_replaced(variable, choice)) {
            self.warn(replaced_compiler(image, &compiler.setting, &choice.platform, &choice.tools));
        }
        self.add_wrappers(&choice.wrappers);
        self.record_uses(
            &image.name.value,
            &choice.platform,
            Requirement::Go(module.root.clone()),
            &choice.tools,
        );
        let build_directory = go_build_directory(module, self.request);
        let image_platform = (image.name.value.clone(), choice.platform.clone());
        for (main, info) in programs.iter().zip(infos) {
            let call = self.go.add(image, module, (main, Stamp::of(info)), choice, &build_directory);
            self.calls.entry(image_platform.clone()).or_default().push(Call::Go(call));
        }
        Ok(())
    }
}

/// Rejects programs of which `CGO_ENABLED=0` would silently leave out a part on one of the platforms, unless somebody decided
/// about cgo, and a decision that contradicts the configured linkage.
pub(super) fn check_cgo(
    image: &ImageConfig,
    programs: &[&GoMain],
    platforms: &[Platform],
) -> Result<(), PlanError> {
    match &image.cgo {
        None => check_without_cgo(image, programs, platforms),
        Some(cgo) if cgo.value => Ok(()),
        Some(cgo) => check_linkage_without_cgo(image, cgo),
    }
}

fn check_without_cgo(
    image: &ImageConfig,
    programs: &[&GoMain],
    platforms: &[Platform],
) -> Result<(), PlanError> {
    let mut places: BTreeMap<String, BTreeSet<&Platform>> = BTreeMap::new();
    for platform in platforms {
        let facts = programs.iter().filter_map(|main| main.facts(platform));
        for loss in facts.flat_map(|facts| &facts.cgo_losses) {
            places.entry(loss.to_string()).or_default().insert(platform);
        }
    }
    let everywhere: BTreeSet<&Platform> = platforms.iter().collect();
    let texts = places.into_iter().map(|(loss, places)| {
        let names: Vec<String> = places.iter().map(ToString::to_string).collect();
        if places == everywhere { loss } else { format!("{loss} for {}", names.join(" and ")) }
    });
    let packages = texts.collect::<Vec<_>>().join(", ");
    if packages.is_empty() {
        return Ok(());
    }
    Err(PlanError::Cgo { image: image.name.value.clone(), packages })
}

/// Rejects a linkage or a C library that a program without cgo does not have. The configuration rejects them itself, unless
/// the call decided about cgo.
fn check_linkage_without_cgo(image: &ImageConfig, cgo: &Sourced<bool>) -> Result<(), PlanError> {
    let linkage = Some(&image.linkage).filter(|linkage| linkage.value == Linkage::Dynamic);
    let linkage = linkage.map(|linkage| format!("`linkage = \"dynamic\"` ({})", linkage.source));
    let libc = image.libc.as_ref().map(|libc| format!("`libc = \"{}\"` ({})", libc.value, libc.source));
    let Some(theirs) = linkage.or(libc) else { return Ok(()) };
    Err(PlanError::Conflict {
        image: image.name.value.clone(),
        theirs,
        ours: format!("a build without cgo ({}), which is static and has no C library", cgo.source),
        help: "remove the key, or build with cgo".to_owned(),
    })
}

/// Rejects a program that needs musl's loader. The built-in bases have none: the program starts only if `files` brings
/// the loader.
fn check_musl_loader(image: &ImageConfig) -> Result<(), PlanError> {
    let is_cgo = image.cgo.as_ref().is_some_and(|cgo| cgo.value);
    let Some(libc) = image.libc.as_ref().filter(|libc| is_cgo && libc.value == Libc::Musl) else {
        return Ok(());
    };
    let brings_loader = |to: &str| ["/", "/lib"].contains(&to) || to.starts_with("/lib/ld-musl-");
    // Verification finds out what another base has.
    let is_built_in = image.base.value.image().is_none();
    if !is_built_in
        || image.linkage.value == Linkage::Static
        || image.files.iter().any(|file| brings_loader(&file.value.to))
    {
        return Ok(());
    }
    Err(PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!(
            "`libc = \"musl\"` ({}) with `linkage = \"dynamic\"` ({})",
            libc.source, image.linkage.source
        ),
        ours: format!("`base = \"{}\"`, which has no loader of musl", image.base.value),
        help: "leave `linkage` out, which links musl statically, or bring the loader with `files` to /lib/ld-musl-….so.1"
            .to_owned(),
    })
}

fn program(
    image: &ImageConfig,
    main: &GoMain,
    platform: &Platform,
    (expected, info): (Expected, &BuildInfo),
    why: &str,
) -> ProgramPlan {
    ProgramPlan {
        name: main.name.clone(),
        path: program_path(&main.name),
        artifact: artifact(image, main, platform),
        expected,
        build_info: Some(info.clone()),
        why: why.to_owned(),
    }
}

/// Returns the programs of a Go module among those of an image.
pub(super) fn go_only<'a>(programs: &[Program<'a>]) -> Vec<&'a GoMain> {
    let go = programs.iter().filter_map(|program| match program {
        Program::Go(main) => Some(*main),
        Program::Rust { .. } => None,
    });
    go.collect()
}

/// Returns whether the plan replaces a compiler to which the user passes flags.
fn is_replaced(variable: &VariableSetting, choice: &GoChoice) -> bool {
    ["CC", "CXX"].contains(&variable.name.as_str())
        && choice.environment.contains_key(&variable.name)
        && has_flags(&variable.setting.value)
}

/// Returns a sentence about a variable with the level of a processor that the platform decides otherwise.
pub(super) fn ineffective_level(
    image: &ImageConfig,
    variable: &VariableSetting,
    platform: &Platform,
) -> Option<String> {
    let settings = BuildTarget::new(platform.clone(), Linkage::Dynamic).go().ok()?.env();
    let ours = settings.get(&variable.name).filter(|ours| **ours != variable.setting.value)?;
    let VariableSetting { name, setting } = variable;
    Some(format!(
        "image `{}`: `{name}={}` ({}) has no effect: {platform} is built with {name}={ours}; name the level in the platform, \
         e.g. linux/amd64/v3",
        image.name.value, setting.value, setting.place
    ))
}

/// Rejects flags in GOFLAGS that those of the call would silently override. `go build` reads the others itself.
pub(super) fn check_goflags(
    image: &ImageConfig,
    flags: &str,
    tags: Option<&str>,
    stamp: Stamp,
) -> Result<(), PlanError> {
    let ours: BTreeMap<&str, String> = [
        ("-ldflags", Some("-ldflags='-s -w …'".to_owned())),
        ("-buildvcs", Some(stamp.flag().to_owned())),
        ("-trimpath", Some("-trimpath".to_owned())),
        ("-o", Some("-o".to_owned())),
        ("-buildmode", Some("-buildmode=exe".to_owned())),
        ("-tags", tags.map(str::to_owned)),
    ]
    .into_iter()
    .filter_map(|(name, flag)| Some((name, flag?)))
    .collect();
    for word in goflags::words(flags) {
        // Go takes one or two dashes.
        let flag = word.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(word);
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        let same = match (name, value) {
            ("-trimpath", "true") | ("-buildmode", "exe" | "default") => true,
            ("-buildvcs", "auto") => image.buildvcs.is_none(),
            ("-buildvcs", value) => stamp.flag() == format!("-buildvcs={value}"),
            _ => false,
        };
        if let Some(own) = ours.get(name).filter(|_| !same) {
            return Err(PlanError::Conflict {
                image: image.name.value.clone(),
                theirs: format!("`{word}` in GOFLAGS"),
                ours: format!("`{own}` of the plan"),
                help: match name {
                    "-ldflags" => format!(
                        "move the flags to `ldflags` in [image.{}] of crossdock.toml",
                        image.name.value
                    ),
                    "-buildvcs" => format!(
                        "set `buildvcs` in [image.{}] of crossdock.toml, and take it out of GOFLAGS",
                        image.name.value
                    ),
                    _ => "take it out of GOFLAGS (`go env -u GOFLAGS`, or unset the variable)".to_owned(),
                },
            });
        }
    }
    Ok(())
}

/// Whether a call of `go build` stamps its programs with the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// It does.
    Commit,
    /// It does not: a program with the same sources is the same at every commit.
    None,
}

impl Stamp {
    fn of(info: &BuildInfo) -> Self {
        if info.commit.is_some() { Self::Commit } else { Self::None }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Commit => "-buildvcs=true",
            Self::None => "-buildvcs=false",
        }
    }
}

/// The calls of `go build` in a plan. They grow as images add programs.
#[derive(Default)]
pub(super) struct GoCalls {
    calls: Vec<GoCall>,
}

struct GoCall {
    choice: GoChoice,
    linker_flags: String,
    stamp: Stamp,
    root: Utf8PathBuf,
    output: Utf8PathBuf,
    programs: Vec<(Artifact, GoMain)>,
}

impl GoCalls {
    /// Adds one program for one platform and returns the index of the call that makes it.
    pub(super) fn add(
        &mut self,
        image: &ImageConfig,
        module: &GoModule,
        (main, stamp): (&GoMain, Stamp),
        choice: &GoChoice,
        build_directory: &Utf8Path,
    ) -> usize {
        let linker_flags = linker_flags(image, choice);
        let artifact = artifact(image, main, &choice.platform);
        let fits = |call: &GoCall| {
            call.choice == *choice
                && call.linker_flags == linker_flags
                && call.stamp == stamp
                && call.root == module.root
                && call.takes(main)
        };
        let index = self.calls.iter().position(fits).unwrap_or_else(|| {
            let output = build_directory.join(directory_name(module, main, choice, &linker_flags, stamp));
            self.calls.push(GoCall {
                choice: choice.clone(),
                linker_flags,
                stamp,
                root: module.root.clone(),
                output,
                programs: Vec::new(),
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[index];
        if !call.programs.iter().any(|(known, _)| *known == artifact) {
            call.programs.push((artifact, main.clone()));
        }
        index
    }

    /// Returns the calls in the order in which they were added, for a machine with `processors` processors.
    pub(super) fn finish(self, request: &Request, processors: usize) -> Vec<GoBuild> {
        let jobs = jobs_per_call(request.jobs.as_ref().map(|jobs| jobs.value), processors, self.calls.len());
        self.calls.into_iter().map(|call| call.finish(request, jobs)).collect()
    }
}

/// Returns the number of jobs (`-p`) of each of several calls of `go build`; `None` for Go's default, which is the number of
/// processors.
///
/// Calls run in parallel, because Go leaves processors idle while it waits for a few large packages and while it links. The
/// Go example without a cache, two platforms on two busy cores, took 56, 62 and 69 s with two parallel calls of `-p 2`, 67,
/// 95 and 87 s with one after the other, and 72 and 82 s with two parallel calls of `-p 1`. Hence all calls together get
/// twice the requested number of jobs, however many platforms there are.
fn jobs_per_call(jobs: Option<usize>, processors: usize, calls: usize) -> Option<usize> {
    let total = jobs.unwrap_or(processors).max(1);
    let parallel = calls.clamp(1, total);
    let per_call = total.min(total.saturating_mul(2).div_ceil(parallel));
    (jobs.is_some() || per_call < processors).then_some(per_call)
}

/// Returns the identifier of a program. It has the image, because one plan may build a main package in several ways.
pub(super) fn artifact(image: &ImageConfig, main: &GoMain, platform: &Platform) -> Artifact {
    Artifact(format!("{}@{platform}#{}", main.import_path, image.name.value))
}

impl GoCall {
    /// Returns whether a program fits into the call. `go build -o DIRECTORY/` names programs by the last element of their
    /// import path, so that two of one name need two calls.
    fn takes(&self, main: &GoMain) -> bool {
        self.programs
            .iter()
            .all(|(_, known)| known.name != main.name || known.import_path == main.import_path)
    }

    fn finish(self, request: &Request, jobs: Option<usize>) -> GoBuild {
        // Paths may not be in a program: it has the same digest on every machine. The commit may only if the build info
        // says so: an unchanged program keeps its digest from commit to commit.
        let mut command = Command::new(self.choice.go.as_str(), self.root.clone())
            .args(["build", "-trimpath", self.stamp.flag()])
            .args([format!("-ldflags={}", self.linker_flags)])
            .args(self.choice.arguments.clone());
        command.environment.extend(self.choice.environment.clone());
        if let Some(jobs) = jobs {
            command = command.args(["-p".to_owned(), jobs.to_string()]);
        }
        let is_off = request.variables.get("GOPROXY").is_some_and(|proxy| proxy == "off");
        let is_stamped = self.stamp == Stamp::Commit;
        if is_stamped {
            command = command.with_git_settings(&request.variables);
        }
        if request.network == Network::Offline || is_stamped && is_off {
            // With GOPROXY=off go takes the version of a commit from the module cache, where one may be from before the
            // commit was tagged (`readDiskStatByHash`). An empty proxy keeps it off the network as well.
            let proxy = if is_stamped { EMPTY_PROXY } else { "off" };
            // GONOPROXY, which defaults to GOPRIVATE, would fetch private modules past the proxy.
            command = command.env("GOPROXY", proxy).env("GONOPROXY", "none");
        }
        command = command.args(["-o".to_owned(), format!("{}/", self.output)]);
        let packages: BTreeSet<&String> = self.programs.iter().map(|(_, main)| &main.import_path).collect();
        command = command.args(packages.into_iter().cloned());
        let packages = all_packages(self.programs.iter().map(|(_, main)| main));
        let programs =
            self.programs.into_iter().map(|(artifact, main)| (artifact, self.output.join(main.name)));
        GoBuild { command, programs: programs.collect(), output: self.output, packages }
    }
}

/// Returns the packages of several programs, each package once.
fn all_packages<'a>(mains: impl Iterator<Item = &'a GoMain>) -> Vec<GoPackage> {
    let mut known = HashSet::new();
    mains
        .flat_map(|main| main.packages.iter())
        .filter(|package| known.insert(&*package.path))
        .cloned()
        .collect()
}

/// A proxy without modules.
const EMPTY_PROXY: &str = "file:///dev/null";

/// Returns the linker's flags. They omit the symbol table and DWARF, as release builds of Go do; tracebacks stay complete.
fn linker_flags(image: &ImageConfig, choice: &GoChoice) -> String {
    let ours = ["-s", "-w"].into_iter().chain(choice.ldflags.iter().map(String::as_str));
    let theirs = image.ldflags.iter().map(|flags| flags.value.as_str());
    ours.chain(theirs).collect::<Vec<_>>().join(" ")
}

/// Returns the directory of programs that are built with the same settings. Two settings never share one, not even in two
/// parallel runs.
fn directory_name(
    module: &GoModule,
    main: &GoMain,
    choice: &GoChoice,
    linker_flags: &str,
    stamp: Stamp,
) -> String {
    let same_name = module.mains.iter().filter(|other| other.name == main.name).count() > 1;
    let import_path = if same_name { main.import_path.as_str() } else { "" };
    let stamp = match stamp {
        Stamp::Commit => stamp.flag(),
        Stamp::None => "",
    };
    let settings =
        format!("{linker_flags}\n{:?}\n{:?}\n{import_path}{stamp}", choice.environment, choice.arguments);
    format!("{}-{}", platform_slug(&choice.platform), short_hash(&settings))
}

#[cfg(test)]
mod tests {
    use super::{Stamp, check_goflags, jobs_per_call};
    use crate::planner::request::testing::image;

    #[test]
    fn contradictions_in_goflags_are_found_in_quotes() {
        let check = |flags: &str| check_goflags(&image("app"), flags, Some("-tags=pro"), Stamp::None);
        for flag in [
            "-ldflags=-X main.version=9",
            "-buildvcs=true",
            "--trimpath=false",
            "-o=x",
            "-tags=a",
            "-buildmode=pie",
        ] {
            for flags in [format!("'{flag}'"), format!("-v \"{flag}\"")] {
                let error = check(&flags).expect_err(&flags).to_string();
                assert!(error.contains(&format!("`{flag}` in GOFLAGS")), "{error}");
            }
        }
        for flags in ["'-trimpath' \"-buildvcs=false\"", "'-mod=mod' '-gcflags=all=-N -o=x'", ""] {
            assert!(check(flags).is_ok(), "{flags}");
        }
    }

    #[test]
    fn parallel_calls_share_the_requested_jobs() {
        assert_eq!(jobs_per_call(None, 2, 2), None, "Go's default");
        assert_eq!(jobs_per_call(None, 8, 2), None);
        assert_eq!(jobs_per_call(None, 8, 7), Some(3));
        assert_eq!(jobs_per_call(None, 1, 5), None);
        assert_eq!(
            [jobs_per_call(Some(1), 8, 7), jobs_per_call(Some(2), 8, 2), jobs_per_call(Some(8), 8, 7)],
            [Some(1), Some(2), Some(3)]
        );
        for (jobs, calls) in (1..20).flat_map(|jobs| (1..20).map(move |calls| (jobs, calls))) {
            let total = jobs_per_call(Some(jobs), 4, calls).unwrap() * calls.min(jobs);
            assert!((1..3 * jobs).contains(&total), "{jobs} jobs, {calls} calls: {total}");
        }
    }
}
