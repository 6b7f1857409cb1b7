//! As few calls of cargo as give the same programs: one call serves several triples and several binaries of one
//! package; packages go apart, because cargo would unify their features and so let one image change another.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::request::Request;
use super::{Artifact, CargoBuild, CargoProgram};
use crossdock_project::config::{Features, ImageConfig, Linkage};
use crossdock_project::{CargoBinary, CargoPackage, CargoWorkspace, Network};
use crossdock_system::process::Command;
use crossdock_toolchain::choice::RustChoice;

/// The calls that a plan makes, growing as images ask for programs.
#[derive(Default)]
pub(super) struct CargoCalls {
    calls: Vec<Call>,
}

/// One call in the making.
struct Call {
    key: Key,
    choices: BTreeMap<String, (RustChoice, Vec<String>)>,
    binaries: BTreeSet<String>,
    programs: Vec<CargoProgram>,
    /// A target folder apart, where a program would lie in the place of one that is built in another way.
    apart: Option<Utf8PathBuf>,
}

/// What two programs must share to come from one call.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    cargo: Utf8PathBuf,
    arguments: Vec<String>,
    directory: Utf8PathBuf,
    package: String,
    profile: String,
    features: BTreeSet<String>,
    /// Names the way in which the program is built, where it is not the ordinary one.
    variant: Option<String>,
    /// Whether there is a `Cargo.lock`, which crossdock never changes.
    locked: bool,
    switches: Vec<&'static str>,
}

impl CargoCalls {
    /// Asks for one program for one platform and says which call will make it.
    pub(super) fn add(
        &mut self,
        image: &ImageConfig,
        workspace: &CargoWorkspace,
        (package, binary): (&CargoPackage, &CargoBinary),
        choice: &RustChoice,
        flags: Vec<String>,
    ) -> usize {
        let key = key(image, workspace, package, binary, choice);
        let fits = |call: &Call| call.key == key && call.takes(choice, &flags);
        let place = self.calls.iter().position(fits).unwrap_or_else(|| {
            let apart = key
                .variant
                .as_ref()
                .map(|variant| workspace.target_directory.join("crossdock/.build").join(variant));
            self.calls.push(Call {
                key,
                choices: BTreeMap::new(),
                binaries: BTreeSet::new(),
                programs: Vec::new(),
                apart,
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[place];
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
        place
    }

    /// The calls, in the order in which they were first asked for.
    pub(super) fn finish(self, request: &Request) -> Vec<CargoBuild> {
        self.calls.into_iter().map(|call| call.finish(request)).collect()
    }
}

/// Names a program. The image belongs to the name: one binary may be built in several ways in one plan.
pub(super) fn artifact(
    image: &ImageConfig,
    package: &CargoPackage,
    binary: &CargoBinary,
    platform: &Platform,
) -> Artifact {
    Artifact(format!("{}/{}@{platform}#{}", package.name, binary.name, image.name.value))
}

impl Call {
    /// Whether a further triple fits: its variables do not contradict those that are there.
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
        let Key { cargo, arguments, directory, package, profile, features, locked, switches, variant: _ } =
            self.key;
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
                let setting = format!("target.{triple}.rustflags={}", toml::Value::from(flags.clone()));
                command = command.args(["--config".to_owned(), setting]);
            }
            command.environment.extend(choice.environment.clone());
        }
        if let Some(folder) = self.apart {
            command = command.args(["--target-dir", folder.as_str()]);
        }
        if let Some(jobs) = &request.jobs {
            command = command.args(["--jobs".to_owned(), jobs.value.to_string()]);
        }
        if request.network == Network::Offline {
            command = command.args(["--offline"]);
        }
        CargoBuild { command, programs: self.programs }
    }
}

/// Variables that hold for the whole call, as `RUSTC`: those whose name does not hold the triple.
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

/// What makes a program another one than `cargo build` leaves in the ordinary place: it gets a target folder of its own,
/// whose name depends on nothing but that, so that an image is the same whichever others are built.
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
    let cpu = choice.rustflags.iter().filter(|flag| flag.contains("target-cpu")).cloned();
    let mut parts: Vec<String> = cpu.collect();
    if *features != Features::default() || !binary.required_features.is_empty() {
        parts.push(format!("{features:?} {:?}", binary.required_features));
    }
    if image.linkage.value == Linkage::Dynamic || image.libc.is_some() {
        parts.push(format!("{:?} {:?}", image.linkage.value, image.libc.as_ref().map(|libc| libc.value)));
    }
    if workspace.packages.iter().any(|other| same_name(&other)) {
        parts.push(package.name.clone());
    }
    (!parts.is_empty()).then(|| short_hash(&parts.join("\n")))
}

/// A short name that follows from a text alone.
pub(super) fn short_hash(text: &str) -> String {
    crossdock_oci::Digest::of(text.as_bytes()).hex().chars().take(12).collect()
}

/// A platform as a file name: `linux-arm-v7`.
pub fn slug(platform: &Platform) -> String {
    platform.to_string().replace('/', "-")
}
