//! The calls of cargo. One call builds several triples and several binaries of one package, and of several packages if none of
//! them changes the features of another one's dependencies: cargo resolves the features of all packages of a call together,
//! and one image must not change another.

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
    packages: BTreeSet<String>,
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
    packages: Packages,
    triples: Triples,
    profile: String,
    features: BTreeSet<String>,
    /// A hash of the settings that differ from those of `cargo build`, if any do.
    variant: Option<String>,
    /// Whether there is a `Cargo.lock`, which crossdock never changes.
    locked: bool,
    switches: Vec<&'static str>,
}

/// The packages of a call.
#[derive(Clone, PartialEq, Eq)]
enum Packages {
    One(String),
    /// Those of a group of the workspace, see [`CargoPackage::calls`].
    Group(usize),
}

/// The triples of a call.
#[derive(Clone, PartialEq, Eq)]
enum Triples {
    One(String),
    /// Those whose features are the same for the package, see [`CargoPackage::calls`].
    Group(usize),
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
        let fits = |call: &CargoCall| {
            call.key == key && call.packages.contains(&package.name) && call.takes(choice, &flags)
        };
        let index = self.calls.iter().position(fits).unwrap_or_else(|| {
            self.calls.push(CargoCall {
                key,
                packages: BTreeSet::from([package.name.clone()]),
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

    /// Returns the calls in the order in which they were added, and for each index that [`Self::add`] returned the one of its
    /// call. Calls of one group become one if they are for the same triples.
    pub(super) fn finish(self, request: &Request) -> (Vec<CargoBuild>, Vec<usize>) {
        let mut joined: Vec<CargoCall> = Vec::new();
        let places =
            self.calls.into_iter().map(|call| match joined.iter().position(|known| known.joins(&call)) {
                Some(place) => {
                    let known = &mut joined[place];
                    known.packages.extend(call.packages);
                    known.binaries.extend(call.binaries);
                    known.programs.extend(call.programs);
                    place
                }
                None => {
                    joined.push(call);
                    joined.len() - 1
                }
            });
        let places = places.collect();
        (joined.into_iter().map(|call| call.finish(request)).collect(), places)
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

    fn joins(&self, other: &Self) -> bool {
        self.key == other.key && self.choices == other.choices
    }

    fn finish(self, request: &Request) -> CargoBuild {
        let Key {
            cargo,
            arguments,
            directory,
            packages: _,
            triples: _,
            profile,
            features,
            locked,
            switches,
            variant,
        } = self.key;
        // A target directory of its own, if the program would replace one that is built with other settings.
        let variant = variant.map(|variant| self.output.join(".build").join(variant));
        // The JSON messages name the programs; diagnostics stay readable on standard error.
        let mut command = Command::new(cargo, directory)
            .args(["build", "--message-format=json-render-diagnostics", "--profile", profile.as_str()])
            .args(self.packages.iter().flat_map(|package| ["--package", package]))
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
    let features: BTreeSet<String> =
        image.features.names.iter().chain(&binary.required_features).cloned().collect();
    let packages = match package.calls.group {
        Some(group) if features.is_empty() && switches.is_empty() => Packages::Group(group),
        _ => Packages::One(package.name.clone()),
    };
    let groups = match &image.features {
        _ if !binary.required_features.is_empty() => None,
        default if *default == Features::default() => Some(&package.calls.triples),
        asked if *asked == *workspace.features => Some(&package.calls.asked_triples),
        _ => None,
    };
    let group = groups.and_then(|groups| groups.get(&choice.triple));
    let triples = group.map_or_else(|| Triples::One(choice.triple.clone()), |group| Triples::Group(*group));
    Key {
        cargo: choice.cargo.clone(),
        arguments: choice.cargo_arguments.clone(),
        directory: image.path.value.clone(),
        packages,
        triples,
        profile: image.profile.value.clone(),
        features,
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
