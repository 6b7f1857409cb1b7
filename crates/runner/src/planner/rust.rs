//! Rust images: the toolchain of each platform, and the user's own compiler flags, which are kept. A flag that contradicts
//! the plan is an error that names both.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_platform::{BuildTarget, JEMALLOC_LG_PAGE, Os, Platform, cargo_env_triple, env_triple};

use super::Planner;
use super::cargo::artifact;
use super::compiler_flags;
use super::error::PlanError;
use super::images::{SelectedImage, program_path};
use super::steps::Call;
use crate::plan::{CompilerFlag, Expected, ProgramPlan};
use crossdock_project::config::{ImageConfig, Linkage, Sourced};
use crossdock_project::{
    CargoBinary, CargoPackage, CargoSettings, CargoWorkspace, Program, TargetSetting, UserSetting,
    cfg_matches,
};
use crossdock_system::availability::Availability;
use crossdock_toolchain::choice::{RustChoice, RustRequest, choose_rust, possible_targets};
use crossdock_toolchain::doctor::Requirement;
use crossdock_toolchain::host::{Host, ToolchainOrigin};

impl Planner<'_> {
    /// Plans the programs of each platform, in the order of the platforms.
    pub(super) fn rust_programs(
        &mut self,
        selected: &SelectedImage<'_>,
        workspace: &CargoWorkspace,
        wanted: &[Platform],
    ) -> Result<Vec<Vec<ProgramPlan>>, PlanError> {
        let image = &selected.config;
        if workspace.lock_created {
            self.warn(format!(
                "{}/Cargo.lock was missing; cargo generated it: commit it, or the next machine may build other versions",
                workspace.root
            ));
        }
        let programs = rust_only(&selected.programs);
        let native_code: Vec<Vec<String>> =
            programs.iter().flat_map(|(package, _)| package.native_code.iter().cloned()).collect();
        let dynamic = Sourced::default_because(Linkage::Dynamic, "programs of other systems link to them");
        // One toolchain serves all platforms of an image; that of the other platforms may differ.
        let (linux, others): (Vec<Platform>, Vec<Platform>) =
            wanted.iter().cloned().partition(|platform| platform.os() == Os::Linux);
        let mut routes = BTreeMap::new();
        for (platforms, linkage) in [(&linux, &image.linkage), (&others, &dynamic)] {
            let request = RustRequest::new(&image.path.value, platforms, linkage)
                .with_libc(image.libc.as_ref())
                .with_native_code(&native_code)
                .with_routes(&image.toolchain);
            routes.extend(platforms.iter().zip(self.rust_routes(&request, selected, workspace, &programs)?));
        }
        let planned = wanted.iter().map(|platform| match routes.get(platform) {
            Some(route) => {
                Ok(programs.iter().map(|program| route.program(image, *program, platform)).collect())
            }
            // Leaving the platform out here would leave the image without its layers.
            None => Err(PlanError::internal(
                &image.name.value,
                format!("no toolchain was considered for {platform}"),
            )),
        });
        planned.collect()
    }

    /// Returns the route of each platform of the request, and adds the calls that it needs.
    fn rust_routes(
        &mut self,
        request: &RustRequest<'_>,
        selected: &SelectedImage<'_>,
        workspace: &CargoWorkspace,
        programs: &[(&CargoPackage, &CargoBinary)],
    ) -> Result<Vec<BuildRoute>, PlanError> {
        if let Some(why) = self.engine_route() {
            // Cargo in an engine reads only the settings that are in the build context.
            let sent = workspace.settings.in_files_below(selected.project.root());
            let route = |platform| BuildRoute {
                cpu: cpu_of_any(request, &sent, self.host, platform),
                compiler_flags: compiler_flags_of_any(request, &sent, self.host, platform),
                why: why.clone(),
            };
            return Ok(request.platforms.iter().map(route).collect());
        }
        let choices = choose_rust(request, self.host, &self.request.cache);
        let routes = request.platforms.iter().zip(choices).map(|(platform, choice)| match choice {
            Availability::Available(choice) => self.plan_rust_platform(selected, workspace, programs, choice),
            Availability::Unavailable(missing) => Ok(BuildRoute {
                cpu: cpu_of_any(request, &workspace.settings, self.host, platform),
                compiler_flags: compiler_flags_of_any(request, &workspace.settings, self.host, platform),
                why: self.record_unbuildable(&selected.config.name.value, platform, missing),
            }),
        });
        routes.collect()
    }

    fn plan_rust_platform(
        &mut self,
        selected: &SelectedImage<'_>,
        workspace: &CargoWorkspace,
        programs: &[(&CargoPackage, &CargoBinary)],
        mut choice: RustChoice,
    ) -> Result<BuildRoute, PlanError> {
        let image = &selected.config;
        let flags = resolve_flags(image, &workspace.settings, &mut choice)?;
        self.add_wrappers(&choice.wrappers);
        let compiler = match choice.origin {
            ToolchainOrigin::Project => Requirement::Rust(image.path.value.clone()),
            ToolchainOrigin::Distribution => Requirement::DistributionRust,
        };
        self.record_uses(&image.name.value, &choice.platform, compiler, &choice.tools);
        let cpu = flags.cpu.clone();
        let hidden = self.hidden_directories(workspace);
        choice.remap_c(hidden.iter().map(|(from, to)| (from.as_path(), to.as_str())));
        keep_compiler_flags(&workspace.settings, &mut choice);
        let compiler_flags = compiler_flags::of_triple(&workspace.settings, &choice.triple);
        let remapped = hidden.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
        let flags = flags.join(&mut choice, remapped.collect());
        let image_platform = (image.name.value.clone(), choice.platform.clone());
        for program in programs {
            let mut choice = choice.clone();
            if program.0.has_jemalloc() {
                support_large_pages(&workspace.settings, image.linkage.value, &mut choice);
            }
            let call = self.cargo.add(image, workspace, *program, &choice, flags.clone());
            self.calls.entry(image_platform.clone()).or_default().push(Call::Cargo(call));
        }
        Ok(BuildRoute { cpu, compiler_flags, why: choice.why })
    }

    /// Returns directories whose paths must not be in a program, each with its replacement. Otherwise the program's bytes
    /// would depend on where it is built.
    fn hidden_directories(&self, workspace: &CargoWorkspace) -> Vec<(Utf8PathBuf, String)> {
        let own = (workspace.root.clone(), "/src".to_owned());
        self.request.remapped.iter().cloned().chain([own]).collect()
    }
}

/// The build of one platform, as far as its programs share it.
struct BuildRoute {
    /// The processor, as in [`Expected::Rust`].
    cpu: Option<String>,
    /// The processors that the user's variables name to compilers of C code.
    compiler_flags: Vec<CompilerFlag>,
    /// The reason, as in [`ProgramPlan::why`].
    why: String,
}

impl BuildRoute {
    fn program(
        &self,
        image: &ImageConfig,
        (package, binary): (&CargoPackage, &CargoBinary),
        platform: &Platform,
    ) -> ProgramPlan {
        ProgramPlan {
            name: binary.name.clone(),
            path: program_path(&binary.name),
            artifact: artifact(image, package, binary, platform),
            expected: Expected::Rust {
                r#static: image.linkage.value == Linkage::Static && platform.os() == Os::Linux,
                cpu: self.cpu.clone(),
                // Without C code no compiler reads the variables.
                compiler_flags: match package.native_code.is_empty() {
                    true => Vec::new(),
                    false => self.compiler_flags.clone(),
                },
            },
            why: self.why.clone(),
        }
    }
}

/// Returns the processor of a platform whose triple is unknown: the first that the flags of a possible triple name.
fn cpu_of_any(
    request: &RustRequest<'_>,
    settings: &CargoSettings,
    host: &Host,
    platform: &Platform,
) -> Option<String> {
    let possible = possible_targets(request, host, platform);
    possible.iter().find_map(|built| cpu(settings, &built.triple, &built.rustflags))
}

/// Returns the processors that are named to C compilers of a platform whose triple is unknown, as [`cpu_of_any`] does.
fn compiler_flags_of_any(
    request: &RustRequest<'_>,
    settings: &CargoSettings,
    host: &Host,
    platform: &Platform,
) -> Vec<CompilerFlag> {
    let possible = possible_targets(request, host, platform);
    let flags = possible.iter().map(|built| compiler_flags::of_triple(settings, &built.triple));
    flags.into_iter().find(|flags| !flags.is_empty()).unwrap_or_default()
}

fn rust_only<'a>(programs: &[Program<'a>]) -> Vec<(&'a CargoPackage, &'a CargoBinary)> {
    let rust = programs.iter().filter_map(|program| match program {
        Program::Rust { package, binary } => Some((*package, *binary)),
        Program::Go(_) => None,
    });
    rust.collect()
}

/// The compiler flags of a triple: crossdock's and those of the user's that crossdock's would hide.
#[derive(Debug, Default)]
struct ResolvedFlags {
    /// Flags of the user's that cargo would no longer read. They go before crossdock's.
    before: Vec<String>,
    /// The variable with the user's flags, if one is set. Cargo then reads no other flags.
    variable: Option<String>,
    /// The processor that the flags name, the user's or crossdock's.
    cpu: Option<String>,
}

impl ResolvedFlags {
    /// Returns the flags for `--config`, `ours` last. They are empty if the variable has them instead.
    fn join(self, choice: &mut RustChoice, ours: Vec<String>) -> Vec<String> {
        let flags: Vec<String> =
            self.before.into_iter().chain(choice.rustflags.iter().cloned()).chain(ours).collect();
        let Some(variable) = self.variable else { return flags };
        let spaced = flags.iter().any(|flag| flag.contains(char::is_whitespace));
        // RUSTFLAGS splits at spaces, and only CARGO_ENCODED_RUSTFLAGS can hold a flag that has one.
        let (variable, joined) = if variable == ENCODED || spaced {
            (ENCODED.to_owned(), flags.join("\u{1f}"))
        } else {
            (variable, flags.join(" "))
        };
        choice.environment.insert(variable, joined);
        Vec::new()
    }
}

const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";

/// Resolves the user's flags and those of a choice.
///
/// Cargo adds flags of `--config target.TRIPLE.rustflags` to those of the same table in the user's files, but they hide
/// `build.rustflags`; and if RUSTFLAGS is set, cargo reads neither
/// (<https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>).
fn resolve_flags(
    image: &ImageConfig,
    settings: &CargoSettings,
    choice: &mut RustChoice,
) -> Result<ResolvedFlags, PlanError> {
    let effective = effective(settings, &choice.triple);
    effective.iter().try_for_each(|setting| reject_contradictions(image, setting, choice))?;
    let cpu = cpu(settings, &choice.triple, &choice.rustflags);
    let mut resolved = ResolvedFlags { cpu, ..ResolvedFlags::default() };
    if let Some(environment) = &settings.environment {
        resolved.before.clone_from(&environment.value);
        resolved.variable = Some(environment.place.clone());
    } else if matching(&settings.targets, &choice.triple).next().is_none() {
        resolved.before = effective.iter().flat_map(|setting| setting.value.clone()).collect();
    }
    keep_linker(settings, choice);
    Ok(resolved)
}

/// Returns the user's flags that cargo reads for a triple: RUSTFLAGS hides files, and a table of the triple `[build]`.
fn effective<'a>(settings: &'a CargoSettings, triple: &'a str) -> Vec<&'a UserSetting<Vec<String>>> {
    let targets: Vec<_> = matching(&settings.targets, triple).collect();
    match &settings.environment {
        Some(environment) => vec![environment],
        None if targets.is_empty() => settings.build.iter().collect(),
        None => targets,
    }
}

/// Returns the processor for which a program of a triple is compiled: that of the user's flags, else that of `ours`.
fn cpu(settings: &CargoSettings, triple: &str, ours: &[String]) -> Option<String> {
    let theirs = effective(settings, triple);
    let named = |flags: &[String]| codegen(flags, "target-cpu").last().map(str::to_owned);
    theirs.iter().rev().find_map(|setting| named(&setting.value)).or_else(|| named(ours))
}

/// Keeps the user's flags in a variable that crossdock sets too. They come last, so that they take precedence.
fn keep_compiler_flags(settings: &CargoSettings, choice: &mut RustChoice) {
    let triple = env_triple(&choice.triple);
    for name in ["CFLAGS", "CXXFLAGS"].map(|name| format!("{name}_{triple}")) {
        let theirs = settings.variable(&name).filter(|theirs| !theirs.value.is_empty());
        if let (Some(ours), Some(theirs)) = (choice.environment.get_mut(&name), theirs) {
            ours.push(' ');
            ours.push_str(&theirs.value);
        }
    }
}

/// Makes jemalloc support the pages of every node, unless the user decided on their size.
fn support_large_pages(settings: &CargoSettings, linkage: Linkage, choice: &mut RustChoice) {
    let of_triple = format!("{}_{JEMALLOC_LG_PAGE}", cargo_env_triple(&choice.triple));
    if [JEMALLOC_LG_PAGE, &of_triple].into_iter().any(|name| settings.variable(name).is_some()) {
        return;
    }
    let target = BuildTarget::new(choice.platform.clone(), linkage);
    let lg_page = target.jemalloc_lg_page().map(|lg_page| lg_page.to_string());
    // `jemalloc-sys` does not read the variable that names the triple. This one is the same for all triples of a call, so
    // that other platforms get a call of their own.
    choice.environment.extend(lg_page.map(|lg_page| (JEMALLOC_LG_PAGE.to_owned(), lg_page)));
}

/// Keeps a linker that the user configured instead of crossdock's choice: a configured linker is known to work.
fn keep_linker(settings: &CargoSettings, choice: &mut RustChoice) {
    let linker = matching(&settings.linkers, &choice.triple).next();
    let Some(linker) = linker else { return };
    let ours = format!("CARGO_TARGET_{}_LINKER", cargo_env_triple(&choice.triple));
    if choice.environment.get(&ours) == Some(&linker.value) {
        return;
    }
    choice.environment.remove(&ours);
    // These flags configure crossdock's linker, and would break another one.
    choice
        .rustflags
        .retain(|flag| !flag.starts_with("-Clink-self-contained") && !flag.starts_with("-Clinker"));
    choice.why = format!("{}; linked by {}, as configured by {}", choice.why, linker.value, linker.place);
}

fn reject_contradictions(
    image: &ImageConfig,
    setting: &UserSetting<Vec<String>>,
    choice: &RustChoice,
) -> Result<(), PlanError> {
    let conflict = |theirs: &str, ours: String, help: &str| PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!("`{theirs}` in {}", setting.place),
        ours,
        help: help.to_owned(),
    };
    let crt = codegen(&setting.value, "target-feature")
        .any(|value| value.split(',').any(|one| one == "-crt-static"));
    if crt && image.linkage.value == Linkage::Static {
        let ours = format!("static linking ({})", image.linkage.source);
        return Err(conflict(
            "-C target-feature=-crt-static",
            ours,
            "set `linkage = \"dynamic\"` for this image, or remove the flag",
        ));
    }
    // Of several values rustc takes the last.
    let own_cpu = codegen(&choice.rustflags, "target-cpu").last();
    let their_cpu = codegen(&setting.value, "target-cpu").last();
    match (their_cpu, own_cpu) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(conflict(
            &format!("-C target-cpu={theirs}"),
            format!("`-C target-cpu={ours}` for {}", choice.platform),
            "leave the processor to the platform, or remove that platform",
        )),
        _ => Ok(()),
    }
}

/// Returns the values of `-C NAME=VALUE` in every spelling that rustc accepts.
fn codegen<'a>(flags: &'a [String], name: &'a str) -> impl Iterator<Item = &'a str> {
    flags.iter().enumerate().filter_map(move |(index, flag)| {
        let option = match flag.as_str() {
            "-C" | "--codegen" => flags.get(index + 1)?.as_str(),
            flag => flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen="))?.trim_start(),
        };
        option.strip_prefix(name)?.strip_prefix('=')
    })
}

/// Returns the settings that apply to a triple.
fn matching<'a, T>(
    settings: &'a [TargetSetting<T>],
    triple: &'a str,
) -> impl Iterator<Item = &'a UserSetting<T>> {
    settings.iter().filter(|setting| applies(&setting.target, triple)).map(|setting| &setting.setting)
}

/// Returns whether a key of `[target.…]` or the part of a variable that stands for it selects a triple.
fn applies(target: &str, triple: &str) -> bool {
    target == cargo_env_triple(triple) || cfg_matches(target, triple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codegen_options_are_found_in_every_spelling() {
        let flags = [
            "-C",
            "target-cpu=native",
            "-Ctarget-cpu=x86-64-v3",
            "--codegen=target-cpu=znver3",
            "-Cdebuginfo=1",
        ];
        let flags = flags.map(str::to_owned);
        let found: Vec<&str> = codegen(&flags, "target-cpu").collect();
        assert_eq!(found, ["native", "x86-64-v3", "znver3"]);
    }

    #[test]
    fn settings_apply_by_name_variable_or_cfg() {
        let musl = "aarch64-unknown-linux-musl";
        for target in [
            musl,
            "AARCH64_UNKNOWN_LINUX_MUSL",
            "cfg(unix)",
            r#"cfg(all(target_env = "musl", target_arch = "aarch64"))"#,
        ] {
            assert!(applies(target, musl), "{target}");
        }
        for target in
            ["x86_64-unknown-linux-musl", "cfg(windows)", r#"cfg(target_env = "gnu")"#, "cfg(broken"]
        {
            assert!(!applies(target, musl), "{target}");
        }
    }
}
