//! Selects the programs that go into an image.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::Project;
use super::cargo::{CargoBinary, CargoPackage, CargoWorkspace};
use super::error::some;
use super::go::roles::GoRole;
use super::go::{GoMain, GoModule};
use crate::config::{Defaults, ImageConfig, Source, Sourced};
use crossdock_platform::{Platform, nearest};

/// A program of a project.
#[derive(Debug, Clone, Copy)]
pub enum Program<'a> {
    /// A binary target.
    Rust {
        /// Its package.
        package: &'a CargoPackage,
        /// The target.
        binary: &'a CargoBinary,
    },
    /// A main package of a Go module.
    Go(&'a GoMain),
}

/// The error for an image whose programs cannot be determined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The project has no such package.
    #[error("{at}: {root} has no package `{name}` with a program; {help}")]
    NoPackage {
        /// The source of the name.
        at: Source,
        /// The project.
        root: Utf8PathBuf,
        /// The package.
        name: String,
        /// A hint: the nearest name, or all names.
        help: String,
    },
    /// The project has no such program.
    #[error("{at}: {root} has no program `{name}`; {help}")]
    NoBinary {
        /// The source of the name.
        at: Source,
        /// The project.
        root: Utf8PathBuf,
        /// The program.
        name: String,
        /// A hint: the nearest name, or all names.
        help: String,
    },
    /// The image names no program, and the project has several.
    #[error(
        "the image `{image}` needs one program, and {root} has {programs}; name it with `binary`, or with `binaries` \
         if the image contains several"
    )]
    Several {
        /// The image.
        image: String,
        /// The project.
        root: Utf8PathBuf,
        /// The programs.
        programs: String,
    },
    /// Several packages have a program of this name.
    #[error("the program `{name}` is in the packages {packages}; choose one with `package`")]
    SameName {
        /// The program.
        name: String,
        /// The packages.
        packages: String,
    },
    /// The program needs features that are disabled. Cargo would leave it out without an error.
    #[error(
        "the program `{name}` needs features that are disabled; add {features} to the image's `features`"
    )]
    MissingFeatures {
        /// The program.
        name: String,
        /// The features.
        features: String,
    },
    /// The project has no program that becomes an image without configuration.
    #[error("{root} has no program that becomes an image by default: {why}; declare one with [image.NAME]")]
    NoDefault {
        /// The project.
        root: Utf8PathBuf,
        /// The reason.
        why: String,
    },
}

impl Program<'_> {
    /// Returns the file name of the program, without `.exe`.
    pub fn name(&self) -> &str {
        match self {
            Self::Rust { binary, .. } => &binary.name,
            Self::Go(main) => &main.name,
        }
    }

    /// Returns the name of the Cargo package or the import path of the Go package.
    pub fn package(&self) -> &str {
        match self {
            Self::Rust { package, .. } => &package.name,
            Self::Go(main) => &main.import_path,
        }
    }

    /// Returns the directory whose git tags give the version: that of the Cargo package, or of the Go module.
    pub fn source_directory(&self) -> &Utf8Path {
        match self {
            Self::Rust { package, .. } => package.manifest.parent().unwrap_or(&package.manifest),
            Self::Go(main) => &main.module_directory,
        }
    }

    /// Returns the path of its Go module; `None` for a program of a Cargo package.
    pub fn go_module(&self) -> Option<&str> {
        match self {
            Self::Rust { .. } => None,
            Self::Go(main) => Some(&main.module_path),
        }
    }

    /// Returns whether the program has source files for a platform. Those of a Cargo package are the same for all.
    pub fn has_files_for(&self, platform: &Platform) -> bool {
        match self {
            Self::Rust { .. } => true,
            Self::Go(main) => main.has_files_for(platform),
        }
    }

    /// Returns the required features that neither the defaults nor the image enable.
    fn missing_features(&self, image: Option<&ImageConfig>) -> Vec<&str> {
        let Self::Rust { package, binary } = self else { return Vec::new() };
        let asked = |feature: &str| {
            image.is_some_and(|image| {
                let qualified = format!("{}/{feature}", package.name);
                let names = &image.features.names;
                image.features.all || names.iter().any(|name| name == feature || *name == qualified)
            })
        };
        binary.missing_features.iter().map(String::as_str).filter(|feature| !asked(feature)).collect()
    }
}

impl Project {
    /// Returns the directory of the workspace or module.
    pub fn root(&self) -> &Utf8Path {
        match self {
            Self::Rust(CargoWorkspace { root, .. }) | Self::Go(GoModule { root, .. }) => root,
        }
    }

    /// Returns the directory that was asked about.
    pub fn directory(&self) -> &Utf8Path {
        match self {
            Self::Rust(CargoWorkspace { directory, .. }) | Self::Go(GoModule { root: directory, .. }) => {
                directory
            }
        }
    }

    /// Returns all programs.
    pub fn programs(&self) -> Vec<Program<'_>> {
        match self {
            Self::Rust(workspace) => workspace.packages.iter().flat_map(programs_of).collect(),
            Self::Go(module) => module.mains.iter().map(Program::Go).collect(),
        }
    }

    /// Returns the programs that become images without configuration: the binaries of Cargo's default members whose
    /// required features are enabled; for a Go module see [`GoRole`].
    pub fn default_programs(&self) -> Vec<Program<'_>> {
        let builds = |program: &Program<'_>| program.missing_features(None).is_empty();
        match self {
            Self::Rust(workspace) => {
                let members = workspace.packages.iter().filter(|package| package.default_member);
                members.flat_map(programs_of).filter(builds).collect()
            }
            Self::Go(module) => {
                module.mains.iter().filter(|main| main.role == GoRole::Default).map(Program::Go).collect()
            }
        }
    }

    /// Returns the programs of a Go module that become no image by default, although nothing says that they serve the
    /// module itself.
    pub fn secondary_programs(&self) -> Vec<Program<'_>> {
        let Self::Go(module) = self else { return Vec::new() };
        module.mains.iter().filter(|main| main.role == GoRole::Secondary).map(Program::Go).collect()
    }

    /// Returns one image for each of the [default programs](Self::default_programs). Its name is that of the program,
    /// with characters replaced that a repository must not have.
    ///
    /// # Errors
    /// No default program, or two with the same name.
    pub fn default_images(&self, defaults: &Defaults) -> Result<Vec<ImageConfig>, SelectError> {
        let programs = self.default_programs();
        if programs.is_empty() {
            let all = self.programs();
            let why = if all.is_empty() {
                "it has no program".to_owned()
            } else {
                format!(
                    "its programs, {}, are in directories of examples, tests or tools, or need features that are disabled",
                    some(all.iter().map(Program::name))
                )
            };
            return Err(SelectError::NoDefault { root: self.root().to_owned(), why });
        }
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for program in &programs {
            if let Some(other) = owners.insert(image_name(program.name()), program.package()) {
                return Err(SelectError::SameName {
                    name: program.name().to_owned(),
                    packages: some([other, program.package()]),
                });
            }
        }
        Ok(programs.iter().map(|program| self.default_image(program, defaults)).collect())
    }

    fn default_image(&self, program: &Program<'_>, defaults: &Defaults) -> ImageConfig {
        let source = Source::Project(match program {
            Program::Rust { package, .. } => format!("{} (a binary of {})", package.manifest, package.name),
            Program::Go(main) => format!("{} (package main)", main.directory),
        });
        let path = Sourced::new(self.directory().to_owned(), source.clone());
        let name = Sourced::new(image_name(program.name()), source.clone());
        let mut image = ImageConfig::new(name, path, defaults);
        image.package = Some(Sourced::new(program.package().to_owned(), source.clone()));
        image.binaries = Some(Sourced::new(vec![program.name().to_owned()], source));
        image
    }

    /// Returns the nearest of the names, or all of them. Those of a Go module are known only for the platforms that go was
    /// asked about.
    fn name_hint<'a>(&self, name: &str, names: impl Iterator<Item = &'a str>) -> String {
        let names: BTreeSet<&str> = names.collect();
        if let Some(meant) = nearest(name, names.iter().copied()) {
            return format!("did you mean `{meant}`?");
        }
        let platforms: BTreeSet<String> = match self {
            Self::Rust(_) => BTreeSet::new(),
            Self::Go(GoModule { mains, .. }) => {
                mains.iter().flat_map(|main| main.platforms.keys()).map(ToString::to_string).collect()
            }
        };
        match platforms.is_empty() {
            true => format!("it has {}", some(names)),
            false => format!("for {} it has {}", some(platforms.iter().map(String::as_str)), some(names)),
        }
    }

    /// Returns the programs of a declared image; the first one is its entry point.
    ///
    /// # Errors
    /// Unknown names, several programs while the image names none, and disabled features.
    pub fn programs_for(&self, image: &ImageConfig) -> Result<Vec<Program<'_>>, SelectError> {
        let candidates = self.candidates(image)?;
        let chosen = match &image.binaries {
            Some(binaries) => {
                let named =
                    binaries.value.iter().map(|name| self.program_named(name, &binaries.source, &candidates));
                named.collect::<Result<Vec<_>, _>>()?
            }
            None => vec![self.single_program(image, candidates)?],
        };
        for program in &chosen {
            let missing = program.missing_features(Some(image));
            if !missing.is_empty() {
                let (name, features) = (program.name().to_owned(), some(missing));
                return Err(SelectError::MissingFeatures { name, features });
            }
        }
        Ok(chosen)
    }

    fn candidates(&self, image: &ImageConfig) -> Result<Vec<Program<'_>>, SelectError> {
        let Some(package) = &image.package else { return Ok(self.programs()) };
        let wanted = self.import_path(&package.value, &image.path.value);
        let all = self.programs();
        let of_package: Vec<Program<'_>> =
            all.iter().copied().filter(|one| one.package() == wanted).collect();
        if of_package.is_empty() {
            return Err(SelectError::NoPackage {
                at: package.source.clone(),
                root: self.root().to_owned(),
                help: self.name_hint(&wanted, all.iter().map(Program::package)),
                name: package.value.clone(),
            });
        }
        Ok(of_package)
    }

    /// Returns the import path of a Go package that is given as `./directory`, relative to the image's directory.
    fn import_path(&self, package: &str, directory: &Utf8Path) -> String {
        let Self::Go(module) = self else { return package.to_owned() };
        if !package.starts_with('.') {
            return package.to_owned();
        }
        let plain = |path: &Utf8Path| -> Utf8PathBuf {
            path.components().filter(|part| *part != Utf8Component::CurDir).collect()
        };
        let directory = plain(&directory.join(package));
        let main = module.mains.iter().find(|main| plain(&main.directory) == directory);
        main.map_or_else(|| package.to_owned(), |main| main.import_path.clone())
    }

    fn program_named<'a>(
        &'a self,
        name: &str,
        at: &Source,
        candidates: &[Program<'a>],
    ) -> Result<Program<'a>, SelectError> {
        let same: Vec<&Program<'_>> = candidates.iter().filter(|program| program.name() == name).collect();
        match same.as_slice() {
            [only] => Ok(**only),
            [] => Err(SelectError::NoBinary {
                at: at.clone(),
                root: self.root().to_owned(),
                name: name.to_owned(),
                help: self.name_hint(name, candidates.iter().map(Program::name)),
            }),
            several => Err(SelectError::SameName {
                name: name.to_owned(),
                packages: some(several.iter().map(|program| program.package())),
            }),
        }
    }

    /// Returns the program of an image without `binary`: the only one, the one with the name of the image, or the one
    /// that `cargo run` runs.
    fn single_program<'a>(
        &'a self,
        image: &ImageConfig,
        candidates: Vec<Program<'a>>,
    ) -> Result<Program<'a>, SelectError> {
        let candidates = match &image.package {
            Some(_) => candidates,
            None => self.default_programs(),
        };
        if let [only] = candidates.as_slice() {
            return Ok(*only);
        }
        let called = candidates.iter().find(|program| image_name(program.name()) == image.name.value);
        let runs = |program: &&Program<'_>| match program {
            Program::Rust { package, binary } => package.default_run.as_ref() == Some(&binary.name),
            Program::Go(_) => false,
        };
        let mut running = candidates.iter().filter(runs);
        match (called, running.next(), running.next()) {
            (Some(program), _, _) | (None, Some(program), None) => Ok(*program),
            _ => Err(SelectError::Several {
                image: image.name.value.clone(),
                root: self.root().to_owned(),
                programs: some(self.programs().iter().map(Program::name)),
            }),
        }
    }
}

fn programs_of(package: &CargoPackage) -> impl Iterator<Item = Program<'_>> {
    package.binaries.iter().map(move |binary| Program::Rust { package, binary })
}

/// Turns the name of a program into a path component of a repository.
fn image_name(program: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let lower = program.to_lowercase();
    let words: Vec<&str> = lower.split(|c| !allowed(c)).filter(|word| !word.is_empty()).collect();
    let plain = crate::config::grammar::component(&lower).is_ok();
    match (plain, words.is_empty()) {
        (true, _) => lower,
        (false, false) => words.join("-"),
        (false, true) => "program".to_owned(),
    }
}
