//! As few calls of cargo as give the same programs: one call serves several triples and several binaries of one
//! package; packages go apart, because cargo would unify their features and so let one image change another.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::request::Request;
use super::{Artifact, CargoBuild, CargoProgram};
use crate::config::ImageConfig;
use crate::process::Command;
use crate::project::{CargoBinary, CargoPackage, CargoWorkspace, Network};
use crate::toolchain::RustChoice;

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
    /// A target folder apart, where another call builds the same triple with other flags.
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
    ) -> (usize, Artifact) {
        let key = key(image, workspace, package, binary, choice);
        let artifact = Artifact(format!("{}/{}@{}", package.name, binary.name, choice.platform));
        let fits = |call: &Call| call.key == key && call.takes(choice, &flags);
        let place = self.calls.iter().position(fits).unwrap_or_else(|| {
            let apart = self
                .calls
                .iter()
                .any(|call| call.key.directory == key.directory && call.builds(choice, &flags));
            self.calls.push(Call {
                key,
                choices: BTreeMap::new(),
                binaries: BTreeSet::new(),
                programs: Vec::new(),
                apart: apart.then(|| {
                    workspace.target_directory.join("crossdock/.build").join(slug(&choice.platform))
                }),
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[place];
        call.choices.insert(choice.triple.clone(), (choice.clone(), flags));
        call.binaries.insert(binary.name.clone());
        let program = CargoProgram {
            artifact: artifact.clone(),
            package: package.id.clone(),
            binary: binary.name.clone(),
            triple: choice.triple.clone(),
        };
        if !call.programs.contains(&program) {
            call.programs.push(program);
        }
        (place, artifact)
    }

    /// The calls, in the order in which they were first asked for.
    pub(super) fn finish(self, request: &Request) -> Vec<CargoBuild> {
        self.calls.into_iter().map(|call| call.finish(request)).collect()
    }
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

    /// Whether it builds the same triple in another way.
    fn builds(&self, choice: &RustChoice, flags: &[String]) -> bool {
        self.choices.get(&choice.triple).is_some_and(|(known, known_flags)| {
            known.environment != choice.environment || known_flags != flags
        })
    }

    fn finish(self, request: &Request) -> CargoBuild {
        let Key { cargo, arguments, directory, package, profile, features, locked, switches } = self.key;
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
    let underscored = choice.triple.replace(['-', '.'], "_");
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
        locked: workspace.locked,
        switches,
    }
}

/// A platform as a file name: `linux-arm-v7`.
pub(super) fn slug(platform: &Platform) -> String {
    platform.to_string().replace('/', "-")
}
