//! Makes a plan: a pure function of configuration, projects, host and request.

use std::collections::BTreeMap;

use crossdock_platform::Platform;

use super::cargo::CargoCalls;
use super::error::PlanError;
use super::go::GoCalls;
use super::platforms::{Platforms, platforms};
use super::request::{Archive, Projects, Request};
use super::select::{Selected, select};
use super::steps::{Call, Compiled, steps};
use super::{Expected, ImagePlan, Load, Missing, Plan, PlatformPlan, ProgramPlan, SCHEMA, image};
use crate::availability::Availability;
use crate::config::{Config, Linkage};
use crate::host::Host;
use crate::process::Command;
use crate::project::{CargoWorkspace, GoModule, Program, Project};
use crate::toolchain::{GoRequest, RustChoice, RustRequest, Wrapper, choose_go, choose_rust};

/// Plans what a call asks for.
///
/// What the host lacks is no error: it stands in [`Plan::missing`] with what brings it.
pub fn plan(config: &Config, projects: &Projects, host: &Host, request: &Request) -> Result<Plan, PlanError> {
    let selected = select(config, projects, request)?;
    let mut maker = Maker::new(config, projects, host, request, selected.len());
    for image in &selected {
        maker.add(image)?;
    }
    Ok(maker.finish())
}

struct Maker<'a> {
    config: &'a Config,
    projects: &'a Projects,
    host: &'a Host,
    request: &'a Request,
    count: usize,
    images: Vec<ImagePlan>,
    cargo: CargoCalls,
    go: GoCalls,
    wrappers: BTreeMap<camino::Utf8PathBuf, Wrapper>,
    /// Which calls make the programs of an image's platform.
    made_by: BTreeMap<(String, Platform), Vec<Call>>,
    missing: Vec<Missing>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Maker<'a> {
    fn new(
        config: &'a Config,
        projects: &'a Projects,
        host: &'a Host,
        request: &'a Request,
        count: usize,
    ) -> Self {
        Self {
            config,
            projects,
            host,
            request,
            count,
            images: Vec::new(),
            cargo: CargoCalls::default(),
            go: GoCalls::default(),
            wrappers: BTreeMap::new(),
            made_by: BTreeMap::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn add(&mut self, selected: &Selected<'_>) -> Result<(), PlanError> {
        let image = &selected.config;
        let Platforms { built, targets, notes } = platforms(self.config, image, self.request)?;
        for note in notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let wanted: Vec<Platform> = built.iter().map(|(platform, _)| platform.clone()).collect();
        let programs = match selected.project {
            Project::Rust(workspace) => self.rust(selected, workspace, &wanted),
            Project::Go(module) => self.go(selected, module, &wanted)?,
        };
        let platforms: Vec<PlatformPlan> = built
            .into_iter()
            .zip(programs)
            .map(|((platform, reason), programs)| PlatformPlan { platform, reason, programs })
            .collect();
        let name = image.name.value.clone();
        let created = image::created(&image.path.value, self.projects, self.request);
        let (tags, skipped_tags) = image::tags(selected, self.projects, self.request)?;
        let folder = image::output_folder(selected.project, self.request);
        let archived = self.request.archive == Archive::Beside || self.request.load.is_some();
        let archive = archived.then(|| folder.join(format!("{name}.tar")));
        let single = self.single(&platforms);
        self.images.push(ImagePlan {
            source: image.name.source.clone(),
            layout: folder.join(&name),
            targets,
            base: image.base.value,
            timezones: image.timezones.value,
            container: image::container(selected),
            files: image::files(image),
            annotations: image::annotations(selected, self.projects, created),
            created,
            repository: image::repository(image, self.request, self.count)?,
            tags,
            skipped_tags,
            load: self.load(&single, archive.as_deref()),
            archive,
            single,
            platforms,
            name,
        });
        Ok(())
    }

    /// How each platform's programs of a Rust image are built.
    fn rust(
        &mut self,
        selected: &Selected<'_>,
        workspace: &CargoWorkspace,
        wanted: &[Platform],
    ) -> Vec<Vec<ProgramPlan>> {
        let image = &selected.config;
        let programs: Vec<_> = selected
            .programs
            .iter()
            .filter_map(|program| match program {
                Program::Rust { package, binary } => Some((*package, *binary)),
                Program::Go(_) => None,
            })
            .collect();
        let native_code: Vec<Vec<String>> =
            programs.iter().flat_map(|(package, _)| package.native_code.iter().cloned()).collect();
        let request = RustRequest {
            folder: &image.path.value,
            platforms: wanted,
            linkage: &image.linkage,
            libc: image.libc.as_ref(),
            native_code: &native_code,
            routes: &image.toolchain,
        };
        let choices = choose_rust(&request, self.host, &self.request.cache);
        let mut plans = Vec::new();
        for (platform, choice) in wanted.iter().zip(choices) {
            let Some(choice) = self.need(&image.name.value, platform, choice) else {
                plans.push(Vec::new());
                continue;
            };
            self.wrappers
                .extend(choice.wrappers.iter().map(|wrapper| (wrapper.path.clone(), wrapper.clone())));
            let flags = self.rustflags(workspace, &choice);
            let built = programs.iter().map(|(package, binary)| {
                let (call, artifact) =
                    self.cargo.add(image, workspace, (*package, *binary), &choice, flags.clone());
                let calls = self.made_by.entry((image.name.value.clone(), platform.clone())).or_default();
                calls.push(Call::Cargo(call));
                ProgramPlan {
                    name: binary.name.clone(),
                    path: image::program_path(&binary.name),
                    artifact,
                    expected: Expected::Rust {
                        triple: choice.triple.clone(),
                        r#static: image.linkage.value == Linkage::Static,
                        level: platform.variant().map(str::to_owned),
                    },
                    why: choice.why.clone(),
                }
            });
            plans.push(built.collect());
        }
        plans
    }

    /// crossdock's own compiler flags: those of the choice, and none that would show where the project lies.
    fn rustflags(&self, workspace: &CargoWorkspace, choice: &RustChoice) -> Vec<String> {
        let own = [(workspace.root.clone(), "/src".to_owned())];
        let remapped = self.request.remapped.iter().chain(&own);
        let remap = remapped.map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
        choice.rustflags.iter().cloned().chain(remap).collect()
    }

    /// How each platform's programs of a Go image are built.
    fn go(
        &mut self,
        selected: &Selected<'_>,
        module: &GoModule,
        wanted: &[Platform],
    ) -> Result<Vec<Vec<ProgramPlan>>, PlanError> {
        let image = &selected.config;
        let programs: Vec<_> = selected
            .programs
            .iter()
            .filter_map(|program| match program {
                Program::Go(main) => Some(*main),
                Program::Rust { .. } => None,
            })
            .collect();
        let cgo_packages: Vec<String> =
            programs.iter().flat_map(|main| main.cgo_packages.iter().cloned()).collect();
        if !cgo_packages.is_empty() && image.cgo.is_none() {
            return Err(PlanError::Cgo {
                image: image.name.value.clone(),
                packages: cgo_packages.join(", "),
            });
        }
        let build_folder = image::output_folder(selected.project, self.request).join(".build");
        let mut plans = Vec::new();
        for platform in wanted {
            let request = GoRequest {
                folder: &module.root,
                platform,
                cgo: image.cgo.as_ref(),
                cgo_packages: &cgo_packages,
                linkage: &image.linkage,
            };
            let choice = choose_go(&request, self.host, &self.request.cache);
            let Some(choice) = self.need(&image.name.value, platform, choice) else {
                plans.push(Vec::new());
                continue;
            };
            self.wrappers
                .extend(choice.wrappers.iter().map(|wrapper| (wrapper.path.clone(), wrapper.clone())));
            let built = programs.iter().map(|main| {
                let (call, artifact) = self.go.add(image, module, main, &choice, &build_folder);
                let calls = self.made_by.entry((image.name.value.clone(), platform.clone())).or_default();
                calls.push(Call::Go(call));
                ProgramPlan {
                    name: main.name.clone(),
                    path: image::program_path(&main.name),
                    artifact,
                    expected: Expected::Go { settings: go_settings(&choice.environment) },
                    why: choice.why.clone(),
                }
            });
            plans.push(built.collect());
        }
        Ok(plans)
    }

    fn need<T>(&mut self, image: &str, platform: &Platform, choice: Availability<T>) -> Option<T> {
        match choice {
            Availability::Available(choice) => Some(choice),
            Availability::Unavailable(unavailable) => {
                self.missing.push(Missing {
                    image: image.to_owned(),
                    platform: Some(platform.clone()),
                    unavailable,
                });
                None
            }
        }
    }

    /// The platform for engines that take one: the server's when it was built, else the host's processor on linux, else
    /// the first.
    fn single(&mut self, platforms: &[PlatformPlan]) -> Platform {
        let server = self.request.load.as_ref().map(|(_, server)| server.clone());
        let runs_natively = |platform: &Platform| match &server {
            Some(server) => platform == server,
            None => platform.architecture() == self.host.platform.architecture(),
        };
        let built = || platforms.iter().map(|plan| &plan.platform);
        if let Some(platform) = built().find(|platform| runs_natively(platform)) {
            return platform.clone();
        }
        let first = built().next().cloned().unwrap_or(Platform::LINUX_AMD64);
        if let Some(server) = server {
            self.warnings.push(format!(
                "the engine's server is {server} and that was not built: it gets {first} and runs it under emulation, if it can"
            ));
        }
        first
    }

    fn load(&self, platform: &Platform, archive: Option<&camino::Utf8Path>) -> Option<Load> {
        let (engine, _) = self.request.load.as_ref()?;
        let command = Command::new(engine.as_str(), self.config.root.clone()).args([
            "load",
            "--input",
            archive?.as_str(),
        ]);
        Some(Load { engine: *engine, platform: platform.clone(), command })
    }

    fn finish(self) -> Plan {
        let compiled = Compiled {
            wrappers: self.wrappers.into_values().collect(),
            cargo: self.cargo.finish(self.request),
            go: self.go.finish(self.request),
            made_by: self.made_by,
        };
        Plan {
            schema: SCHEMA,
            crossdock: env!("CARGO_PKG_VERSION"),
            root: self.config.root.clone(),
            host: self.host.platform.clone(),
            steps: steps(self.request.goal, &self.images, compiled),
            images: self.images,
            missing: self.missing,
            warnings: self.warnings,
            notes: self.notes,
        }
    }
}

/// What the build information of a Go program must state.
fn go_settings(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let stated = |name: &str| name.starts_with("GO") && name != "GOFLAGS" || name == "CGO_ENABLED";
    environment
        .iter()
        .filter(|(name, _)| stated(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
