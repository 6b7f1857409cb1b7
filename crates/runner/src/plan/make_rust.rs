//! How each platform's programs of a Rust image are built.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_platform::{Os, Platform};

use super::cargo::artifact;
use super::error::PlanError;
use super::make::Maker;
use super::select::Selected;
use super::steps::Call;
use super::user_flags::{cpu, settle};
use super::{Expected, ProgramPlan, image};
use crossdock_project::config::{ImageConfig, Linkage, Sourced};
use crossdock_project::{CargoBinary, CargoPackage, CargoSettings, CargoWorkspace, Program};
use crossdock_system::availability::Availability;
use crossdock_toolchain::choice::{RustChoice, RustRequest, choose_rust, possible_targets};
use crossdock_toolchain::doctor::Requirement;
use crossdock_toolchain::host::{Host, ToolchainOrigin};

impl Maker<'_> {
    /// The programs of each platform, in the platforms' order.
    pub(super) fn rust_programs(
        &mut self,
        selected: &Selected<'_>,
        workspace: &CargoWorkspace,
        wanted: &[Platform],
    ) -> Result<Vec<Vec<ProgramPlan>>, PlanError> {
        let image = &selected.config;
        if workspace.lock_created {
            self.warn(format!(
                "{}/Cargo.lock was not there and cargo made it: commit it, or the next machine builds something else",
                workspace.root
            ));
        }
        let programs = rust_only(&selected.programs);
        let native_code: Vec<Vec<String>> =
            programs.iter().flat_map(|(package, _)| package.native_code.iter().cloned()).collect();
        let dynamic = Sourced::default_because(Linkage::Dynamic, "programs of other systems link to them");
        // One toolchain serves all platforms of an image; those outside the image are chosen for apart.
        let (linux, others): (Vec<Platform>, Vec<Platform>) =
            wanted.iter().cloned().partition(|platform| platform.os() == Os::Linux);
        let mut plans = BTreeMap::new();
        for (platforms, linkage) in [(&linux, &image.linkage), (&others, &dynamic)] {
            let request = RustRequest::new(&image.path.value, platforms, linkage)
                .with_libc(image.libc.as_ref())
                .with_native_code(&native_code)
                .with_routes(&image.toolchain);
            if let Some(why) = self.engine_way() {
                let sent = workspace.settings.in_files_below(selected.project.root());
                for platform in platforms {
                    let cpu = cpu_of_any(&request, &sent, self.host, platform);
                    let way = Way { cpu, why: why.clone() };
                    let plan = |program: &_| way.program(image, *program, platform);
                    plans.insert(platform, programs.iter().map(plan).collect());
                }
                continue;
            }
            let choices = choose_rust(&request, self.host, &self.request.cache);
            for (platform, choice) in platforms.iter().zip(choices) {
                let way = match choice {
                    Availability::Available(choice) => {
                        self.rust_platform(selected, workspace, &programs, choice)?
                    }
                    Availability::Unavailable(missing) => Way {
                        cpu: cpu_of_any(&request, &workspace.settings, self.host, platform),
                        why: self.misses(&image.name.value, platform, missing),
                    },
                };
                let plan = |program: &_| way.program(image, *program, platform);
                plans.insert(platform, programs.iter().map(plan).collect());
            }
        }
        Ok(wanted.iter().filter_map(|platform| plans.remove(platform)).collect())
    }

    fn rust_platform(
        &mut self,
        selected: &Selected<'_>,
        workspace: &CargoWorkspace,
        programs: &[(&CargoPackage, &CargoBinary)],
        mut choice: RustChoice,
    ) -> Result<Way, PlanError> {
        let image = &selected.config;
        let settled = settle(image, &workspace.settings, &mut choice)?;
        self.write_first(&choice.wrappers);
        let compiler = match choice.origin {
            ToolchainOrigin::Project => Requirement::Rust(image.path.value.clone()),
            ToolchainOrigin::Distribution => Requirement::DistributionRust,
        };
        self.uses(&image.name.value, &choice.platform, compiler, &choice.tools);
        let cpu = settled.cpu.clone();
        let hidden = self.hidden_folders(workspace);
        choice.remap_c(hidden.iter().map(|(from, to)| (from.as_path(), to.as_str())));
        let remapped = hidden.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
        let flags = settled.join(&mut choice, remapped.collect());
        let place = (image.name.value.clone(), choice.platform.clone());
        for program in programs {
            let call = self.cargo.add(image, workspace, *program, &choice, flags.clone());
            self.made_by.entry(place.clone()).or_default().push(Call::Cargo(call));
        }
        Ok(Way { cpu, why: choice.why })
    }

    /// Folders whose place must not show in a program, with what stands there instead.
    fn hidden_folders(&self, workspace: &CargoWorkspace) -> Vec<(Utf8PathBuf, String)> {
        let own = (workspace.root.clone(), "/src".to_owned());
        self.request.remapped.iter().cloned().chain([own]).collect()
    }
}

/// What the programs of one platform have in common.
struct Way {
    cpu: Option<String>,
    why: String,
}

impl Way {
    fn program(
        &self,
        image: &ImageConfig,
        (package, binary): (&CargoPackage, &CargoBinary),
        platform: &Platform,
    ) -> ProgramPlan {
        ProgramPlan {
            name: binary.name.clone(),
            path: image::program_path(&binary.name),
            artifact: artifact(image, package, binary, platform),
            expected: Expected::Rust {
                r#static: image.linkage.value == Linkage::Static && platform.os() == Os::Linux,
                cpu: self.cpu.clone(),
            },
            why: self.why.clone(),
        }
    }
}

/// The processor that programs are compiled for where it is not known as which triple: the first that any names.
fn cpu_of_any(
    request: &RustRequest<'_>,
    settings: &CargoSettings,
    host: &Host,
    platform: &Platform,
) -> Option<String> {
    let possible = possible_targets(request, host, platform);
    possible.iter().find_map(|built| cpu(settings, &built.triple, &built.rustflags))
}

fn rust_only<'a>(programs: &[Program<'a>]) -> Vec<(&'a CargoPackage, &'a CargoBinary)> {
    let rust = programs.iter().filter_map(|program| match program {
        Program::Rust { package, binary } => Some((*package, *binary)),
        Program::Go(_) => None,
    });
    rust.collect()
}
