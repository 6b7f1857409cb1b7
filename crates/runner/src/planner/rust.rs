//! Rust images: the toolchain of each platform, and the user's own compiler flags, which are kept. A flag that contradicts
//! the plan is an error that names both.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_platform::{BuildTarget, JEMALLOC_LG_PAGE, Os, Platform, cargo_env_triple, env_triple};

use super::Planner;
use super::cargo::artifact;
use super::compiler_flags::{self, has_flags, replaced_compiler};
use super::dockerfile_request::linking;
use super::error::PlanError;
use super::images::{SelectedImage, program_path};
use super::rust_flags::{cpu, effective, features, matching, reject_contradictions};
use super::steps::Call;
use crate::plan::{CompilerFlag, Expected, ProgramPlan};
use crossdock_project::config::{ImageConfig, Libc, Linkage, Sourced};
use crossdock_project::{CargoBinary, CargoPackage, CargoSettings, CargoWorkspace, NativeCode, Program};
use crossdock_system::availability::Availability;
use crossdock_toolchain::choice::{PossibleTarget, RustChoice, RustRequest, choose_rust, possible_targets};
use crossdock_toolchain::doctor::Requirement;
use crossdock_toolchain::host::ToolchainOrigin;

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
        let native_code =
            programs.iter().fold(NativeCode::default(), |code, (package, _)| code.and(&package.native_code));
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
        let settings = &workspace.settings;
        if let Some(why) = self.engine_route() {
            let linking = linking(selected)?;
            // The builder's image has its own compilers of C.
            let mut settings = settings.clone();
            settings.variables.retain(|variable| !CargoSettings::is_compiler(&variable.name));
            let route = |platform| match linking.rust_target(platform).rust() {
                Ok(rust) => BuildRoute::new(&settings, rust.triple, &rust.rustflags, platform, why.clone()),
                // The renderer refuses the platform.
                Err(_) => BuildRoute { why: why.clone(), ..BuildRoute::default() },
            };
            return Ok(request.platforms.iter().map(route).collect());
        }
        let choices = choose_rust(request, self.host, &self.request.cache);
        self.notes.extend(gnu_by_route(request, &choices, &selected.config));
        let routes = request.platforms.iter().zip(choices).map(|(platform, choice)| match choice {
            Availability::Available(choice) => self.plan_rust_platform(selected, workspace, programs, choice),
            Availability::Unavailable(missing) => {
                let why = self.record_unbuildable(&selected.config.name.value, platform, missing);
                Ok(BuildRoute::of_any(
                    &possible_targets(request, self.host, platform),
                    settings,
                    platform,
                    why,
                ))
            }
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
        let hidden = self.hidden_directories(workspace);
        choice.remap_c(hidden.iter().map(|(from, to)| (from.as_path(), to.as_str())));
        keep_compiler_flags(&workspace.settings, &mut choice);
        if programs.iter().any(|(package, _)| !package.native_code.of(&choice.triple).is_empty()) {
            self.warn_of_replaced_compilers(image, &workspace.settings, &choice);
        }
        let remapped = hidden.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
        let flags = flags.join(&mut choice, remapped.collect());
        let image_platform = (image.name.value.clone(), choice.platform.clone());
        for program in programs {
            let mut choice = choice.clone();
            if program.0.native_code.has_jemalloc(&choice.triple) {
                support_large_pages(&workspace.settings, image.linkage.value, &mut choice);
            }
            let call = self.cargo.add(image, workspace, *program, &choice, flags.clone());
            self.calls.entry(image_platform.clone()).or_default().push(Call::Cargo(call));
        }
        Ok(BuildRoute::new(
            &workspace.settings,
            &choice.triple,
            &choice.rustflags,
            &choice.platform,
            choice.why,
        ))
    }

    /// Warns of compilers of the user's to which the plan prefers its own, if they are for the triple or have flags.
    fn warn_of_replaced_compilers(
        &mut self,
        image: &ImageConfig,
        settings: &CargoSettings,
        choice: &RustChoice,
    ) {
        for name in ["CC", "CXX"] {
            let ours = format!("{name}_{}", env_triple(&choice.triple));
            let Some(compiler) = choice.environment.get(&ours) else { continue };
            for name in [ours.as_str(), &format!("TARGET_{name}"), name] {
                let Some(theirs) = settings.variable(name) else { continue };
                let is_meant = name == ours || has_flags(&theirs.value);
                if is_meant && theirs.value != *compiler {
                    self.warn(replaced_compiler(image, theirs, &choice.platform, &choice.tools));
                }
            }
        }
    }

    /// Returns directories whose paths must not be in a program, each with its replacement. Otherwise the program's bytes
    /// would depend on where it is built.
    fn hidden_directories(&self, workspace: &CargoWorkspace) -> Vec<(Utf8PathBuf, String)> {
        let own = (workspace.root.clone(), "/src".to_owned());
        self.request.remapped.iter().cloned().chain([own]).collect()
    }
}

/// The build of one platform, as far as its programs share it.
#[derive(Default)]
struct BuildRoute {
    /// The triple; `None` if it is unknown.
    triple: Option<String>,
    /// The processor, as in [`Expected::Rust`].
    cpu: Option<String>,
    /// The processors that the user's variables name to compilers of C code.
    compiler_flags: Vec<CompilerFlag>,
    /// The features that the user's flags enable for rustc.
    features: Vec<CompilerFlag>,
    /// The reason, as in [`ProgramPlan::why`].
    why: String,
}

impl BuildRoute {
    /// Returns the build for a target with the user's flags.
    fn new(
        settings: &CargoSettings,
        triple: &str,
        ours: &[String],
        platform: &Platform,
        why: String,
    ) -> Self {
        Self {
            triple: Some(triple.to_owned()),
            cpu: cpu(settings, triple, ours),
            compiler_flags: compiler_flags::of_triple(settings, triple, platform),
            features: features(settings, triple, platform),
            why,
        }
    }

    /// Returns the build of a platform whose target is unknown: the one with the most flags counts.
    fn of_any(
        possible: &[PossibleTarget],
        settings: &CargoSettings,
        platform: &Platform,
        why: String,
    ) -> Self {
        let of = |target: &PossibleTarget| {
            Self::new(settings, &target.triple, &target.rustflags, platform, String::new())
        };
        let flags = |route: &Self| (route.cpu.is_some(), route.compiler_flags.len() + route.features.len());
        let route = possible.iter().rev().map(of).max_by_key(flags).unwrap_or_default();
        Self { triple: None, why, ..route }
    }

    /// Returns whether a package has no C code for the triple, or if that is unknown, for any.
    fn has_no_c_code(&self, package: &CargoPackage) -> bool {
        match &self.triple {
            Some(triple) => package.native_code.of(triple).is_empty(),
            None => package.native_code.is_empty(),
        }
    }

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
                compiler_flags: if self.has_no_c_code(package) {
                    self.features.clone()
                } else {
                    self.features.iter().chain(&self.compiler_flags).cloned().collect()
                },
            },
            build_info: None,
            why: self.why.clone(),
        }
    }
}

/// Returns a note that names an image whose C library follows from the toolchains of this machine.
fn gnu_by_route(
    request: &RustRequest<'_>,
    choices: &[Availability<RustChoice>],
    image: &ImageConfig,
) -> Option<String> {
    let links_gnu = |choice: &Availability<RustChoice>| {
        choice.available().is_some_and(|choice| matches!(choice.libc, Some(Libc::Gnu { .. })))
    };
    let is_open = request.libc.is_none() && request.linkage.value == Linkage::Static;
    (is_open && choices.iter().any(links_gnu)).then(|| {
        format!(
            "image `{}` links the GNU C library, because no toolchain of this machine has musl for its platforms: a machine \
             with musl makes another image, unless `libc = \"gnu\"` is set",
            image.name.value
        )
    })
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
    effective
        .iter()
        .try_for_each(|setting| reject_contradictions(image, setting, &choice.platform, &choice.rustflags))?;
    let mut resolved = ResolvedFlags::default();
    if let Some(environment) = &settings.environment {
        resolved.before.clone_from(&environment.value);
        resolved.variable = Some(environment.place.clone());
    } else if matching(&settings.targets, &choice.triple).next().is_none() {
        resolved.before = effective.iter().flat_map(|setting| setting.value.clone()).collect();
    }
    keep_linker(settings, choice);
    Ok(resolved)
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
