//! The calls of cargo. One call builds several triples and several binaries of one package. Each package needs a call of its
//! own, because cargo would unify the features of several and so let one image change another.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::output::{cargo_output, is_shared};
use super::request::Request;
use crate::plan::{Artifact, CargoBuild, CargoProgram};
use crate::text::short_hash;
use crossdock_project::config::{Features, ImageConfig, Linkage};
use crossdock_project::{CargoBinary, CargoPackage, CargoWorkspace, Network};
use crossdock_system::process::Command;
use crossdock_toolchain::choice::RustChoice;

/// The calls of cargo in a plan. They grow as images add programs.
#[derive(Default)]
pub(super) struct CargoCalls {
    calls: Vec<CargoCall>,
}

/// A call that still grows.
struct CargoCall {
    key: Key,
    /// The toolchain and the flags of each triple.
    choices: BTreeMap<String, (RustChoice, Vec<String>)>,
    binaries: BTreeSet<String>,
    programs: Vec<CargoProgram>,
    /// The target directory of the workspace.
    target_directory: Utf8PathBuf,
    /// The directory for the project's own files below the target directory.
    output: Utf8PathBuf,
    /// Whether other projects may build in the target directory.
    is_shared: bool,
}

/// The settings that two programs must share to come from one call.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    cargo: Utf8PathBuf,
    arguments: Vec<String>,
    directory: Utf8PathBuf,
    package: String,
    profile: String,
    features: BTreeSet<String>,
    /// A hash of the settings that differ from those of `cargo build`, if any do.
    variant: Option<String>,
    /// Whether there is a `Cargo.lock`, which crossdock never changes.
    locked: bool,
    switches: Vec<&'static str>,
}

impl CargoCalls {
    /// Adds one program for one platform and returns the index of the call that makes it.
    pub(super) fn add(
        &mut self,
        image: &ImageConfig,
        workspace: &CargoWorkspace,
        (package, binary): (&CargoPackage, &CargoBinary),
        choice: &RustChoice,
        flags: Vec<String>,
    ) -> usize {
        let key = key(image, workspace, package, binary, choice);
        let fits = |call: &CargoCall| call.key == key && call.takes(choice, &flags);
        let index = self.calls.iter().position(fits).unwrap_or_else(|| {
            self.calls.push(CargoCall {
                key,
                choices: BTreeMap::new(),
                binaries: BTreeSet::new(),
                programs: Vec::new(),
                target_directory: workspace.target_directory.clone(),
                output: cargo_output(workspace),
                is_shared: is_shared(workspace),
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[index];
        call.choices.insert(choice.triple.clone(), (choice.clone(), flags));
        call.binaries.insert(binary.name.clone());
        let program = CargoProgram {
            artifact: artifact(image, package, binary, &choice.platform),
            package: package.id.clone(),
            binary: binary.name.clone(),
            triple: choice.triple.clone(),
        };
        if !call.programs.contains(&program) {
            call.programs.push(program);
        }
        index
    }

    /// Returns the calls in the order in which they were added.
    pub(super) fn finish(self, request: &Request) -> Vec<CargoBuild> {
        self.calls.into_iter().map(|call| call.finish(request)).collect()
    }
}

/// Returns the identifier of a program. It has the image, because one plan may build a binary in several ways.
pub(super) fn artifact(
    image: &ImageConfig,
    package: &CargoPackage,
    binary: &CargoBinary,
    platform: &Platform,
) -> Artifact {
    Artifact(format!("{}/{}@{platform}#{}", package.name, binary.name, image.name.value))
}

impl CargoCall {
    /// Returns whether a further triple fits: its variables must not contradict those of the call.
    fn takes(&self, choice: &RustChoice, flags: &[String]) -> bool {
        match self.choices.get(&choice.triple) {
            Some((known, known_flags)) => known.environment == choice.environment && known_flags == flags,
            None => {
                self.choices
                    .values()
                    .flat_map(|(known, _)| &known.environment)
                    .all(|(name, value)| choice.environment.get(name).is_none_or(|other| other == value))
                    && self
                        .choices
                        .values()
                        .all(|(known, _)| toolchain_variables(known) == toolchain_variables(choice))
            }
        }
    }

    fn finish(self, request: &Request) -> CargoBuild {
        let Key { cargo, arguments, directory, package, profile, features, locked, switches, variant } =
            self.key;
        // A target directory of its own, if the program would replace one that is built with other settings.
        let variant = variant.map(|variant| self.output.join(".build").join(variant));
        // The JSON messages name the programs; diagnostics stay readable on standard error.
        let mut command = Command::new(cargo, directory)
            .args([
                "build",
                "--message-format=json-render-diagnostics",
                "--profile",
                profile.as_str(),
                "--package",
                package.as_str(),
            ])
            .args(arguments)
            .args(switches)
            .args(locked.then_some("--locked"));
        for binary in &self.binaries {
            command = command.args(["--bin", binary]);
        }
        if !features.is_empty() {
            command =
                command.args(["--features".to_owned(), features.into_iter().collect::<Vec<_>>().join(",")]);
        }
        for (triple, (choice, flags)) in &self.choices {
            command = command.args(["--target", triple]);
            if !flags.is_empty() {
                // RUSTFLAGS would apply to all triples of the call, and would hide the flags in the user's files.
                let setting = format!("target.{triple}.rustflags={}", toml::Value::from(flags.clone()));
                command = command.args(["--config".to_owned(), setting]);
            }
            command.environment.extend(choice.environment.clone());
        }
        if let Some(directory) = &variant {
            command = command.args(["--target-dir", directory.as_str()]);
        }
        if let Some(jobs) = &request.jobs {
            command = command.args(["--jobs".to_owned(), jobs.value.to_string()]);
        }
        if request.network == Network::Offline {
            command = command.args(["--offline"]);
        }
        let copies = (self.is_shared && variant.is_none()).then(|| self.output.join(".programs"));
        CargoBuild { command, target_directory: self.target_directory, copies, programs: self.programs }
    }
}

/// Returns the variables that apply to the whole call, as `RUSTC`: those without the triple in their name.
fn toolchain_variables(choice: &RustChoice) -> BTreeMap<&String, &String> {
    let underscored = crossdock_platform::env_triple(&choice.triple);
    let names_triple = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.contains(&underscored) || name.contains(&choice.triple)
    };
    choice.environment.iter().filter(|(name, _)| !names_triple(name)).collect()
}

fn key(
    image: &ImageConfig,
    workspace: &CargoWorkspace,
    package: &CargoPackage,
    binary: &CargoBinary,
    choice: &RustChoice,
) -> Key {
    let mut switches = Vec::new();
    if image.features.all {
        switches.push("--all-features");
    }
    if image.features.no_default {
        switches.push("--no-default-features");
    }
    Key {
        cargo: choice.cargo.clone(),
        arguments: choice.cargo_arguments.clone(),
        directory: image.path.value.clone(),
        package: package.name.clone(),
        profile: image.profile.value.clone(),
        features: image.features.names.iter().chain(&binary.required_features).cloned().collect(),
        variant: variant(image, workspace, package, binary, choice),
        locked: workspace.locked,
        switches,
    }
}

/// Returns a hash of the settings that make a program differ from the one of `cargo build`; `None` if none do. Such a
/// program gets a target directory of its own, whose name depends only on these settings, so that an image does not depend
/// on which others are built in the same run.
fn variant(
    image: &ImageConfig,
    workspace: &CargoWorkspace,
    package: &CargoPackage,
    binary: &CargoBinary,
    choice: &RustChoice,
) -> Option<String> {
    let features = &image.features;
    let same_name = |other: &&CargoPackage| {
        other.name != package.name && other.binaries.iter().any(|one| one.name == binary.name)
    };
    // A level of a platform has the triple of the baseline, and so the same path below the target directory.
    let cpu = choice.rustflags.iter().filter(|flag| flag.contains("target-cpu")).cloned();
    let mut parts: Vec<String> = cpu.collect();
    if *features != Features::default() || !binary.required_features.is_empty() {
        parts.push(format!("{features:?} {:?}", binary.required_features));
    }
    if image.linkage.value == Linkage::Dynamic || image.libc.is_some() {
        parts.push(format!("{:?} {:?}", image.linkage.value, image.libc.as_ref().map(|libc| libc.value)));
    }
    // Cargo writes binaries of one name to one path, whichever package they are from.
    if workspace.packages.iter().any(|other| same_name(&other)) {
        parts.push(package.name.clone());
    }
    (!parts.is_empty()).then(|| short_hash(&parts.join("\n")))
}
