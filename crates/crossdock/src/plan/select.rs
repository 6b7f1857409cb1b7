//! Which images a call means, and which programs go into each.

use camino::Utf8Path;

use super::error::PlanError;
use super::request::{Projects, Request};
use crate::config::{Config, ImageConfig, Source, Sourced};
use crate::nearest::nearest;
use crate::project::{CargoBinary, CargoPackage, CargoWorkspace, GoMain, GoModule, Project};

/// An image and what goes into it.
#[derive(Debug, Clone)]
pub(super) struct Selected<'a> {
    pub(super) config: ImageConfig,
    pub(super) programs: Programs<'a>,
}

/// The programs of an image; the first is the entry point. At least one.
#[derive(Debug, Clone)]
pub(super) enum Programs<'a> {
    Rust(&'a CargoWorkspace, Vec<(&'a CargoPackage, &'a CargoBinary)>),
    Go(&'a GoModule, Vec<&'a GoMain>),
}

impl Programs<'_> {
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Rust(_, programs) => programs.iter().map(|(_, binary)| binary.name.clone()).collect(),
            Self::Go(_, programs) => programs.iter().map(|main| main.name.clone()).collect(),
        }
    }
}

/// The images that the call means, in the configuration's order.
pub(super) fn select<'a>(
    config: &Config,
    projects: &'a Projects,
    request: &Request,
) -> Result<Vec<Selected<'a>>, PlanError> {
    let all = match config.images.is_empty() {
        false => config.images.iter().map(|image| declared(image, projects)).collect::<Result<Vec<_>, _>>()?,
        true => found(config, projects)?,
    };
    refuse_equal_names(&all)?;
    if request.images.is_empty() {
        return Ok(all);
    }
    let known: Vec<String> = all.iter().map(|image| image.config.name.value.clone()).collect();
    for asked in &request.images {
        if !known.contains(&asked.value) {
            return Err(PlanError::UnknownImage {
                name: asked.value.clone(),
                asked: asked.source.clone(),
                nearest: nearest(&asked.value, known.iter().map(String::as_str)).map(str::to_owned),
                known,
            });
        }
    }
    let wanted = |image: &Selected<'_>| request.images.iter().any(|asked| asked.value == image.config.name.value);
    Ok(all.into_iter().filter(wanted).collect())
}

fn declared<'a>(image: &ImageConfig, projects: &'a Projects) -> Result<Selected<'a>, PlanError> {
    let programs = match project(&image.path.value, projects)? {
        Project::Rust(workspace) => Programs::Rust(workspace, rust_programs(image, workspace)?),
        Project::Go(module) => Programs::Go(module, go_programs(image, module)?),
    };
    Ok(Selected { config: image.clone(), programs })
}

/// One image per binary: what a project without configuration means.
fn found<'a>(config: &Config, projects: &'a Projects) -> Result<Vec<Selected<'a>>, PlanError> {
    let root = config.root.as_path();
    let image = |program: &str, from: &str| {
        let name = Sourced::new(image_name(program), Source::Project(from.to_owned()));
        let path = Sourced::default_because(root.to_owned(), "the project's folder");
        ImageConfig::new(name, path, &config.defaults)
    };
    let images: Vec<Selected<'a>> = match project(root, projects)? {
        Project::Rust(workspace) => default_programs(workspace)
            .map(|(package, binary)| Selected {
                config: image(&binary.name, package.manifest.as_str()),
                programs: Programs::Rust(workspace, vec![(package, binary)]),
            })
            .collect(),
        Project::Go(module) => module
            .mains
            .iter()
            .map(|main| Selected {
                config: image(&main.name, &main.import_path),
                programs: Programs::Go(module, vec![main]),
            })
            .collect(),
    };
    match images.is_empty() {
        true => Err(no_program(root, project(root, projects)?)),
        false => Ok(images),
    }
}

/// A program's name in the grammar of repositories (distribution-spec, `<name>`): lower case, and `-` for what may not
/// stand there.
fn image_name(program: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let name: String = program.chars().map(plain).collect();
    let name = name.trim_matches(['.', '_', '-']);
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

fn project<'a>(folder: &Utf8Path, projects: &'a Projects) -> Result<&'a Project, PlanError> {
    projects.projects.get(folder).ok_or_else(|| PlanError::NoProgram {
        folder: folder.to_owned(),
        why: "it was not looked into".to_owned(),
    })
}

fn no_program(folder: &Utf8Path, project: &Project) -> PlanError {
    let why = match project {
        Project::Rust(workspace) if workspace.packages.is_empty() => {
            "its packages are libraries; add `src/main.rs` or a `[[bin]]`".to_owned()
        }
        Project::Rust(workspace) => format!(
            "no default member has a binary; these packages have: {}; name one with `package = …` in an `[image.NAME]`",
            workspace.packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>().join(", ")
        ),
        Project::Go(module) => format!("module {} has no `package main`", module.path),
    };
    PlanError::NoProgram { folder: folder.to_owned(), why }
}

/// The default members' binaries. `xtask` is a convention for a workspace's own chores: never an image.
fn default_programs(workspace: &CargoWorkspace) -> impl Iterator<Item = (&CargoPackage, &CargoBinary)> {
    workspace
        .packages
        .iter()
        .filter(|package| package.default_member && package.name != "xtask")
        .flat_map(|package| package.binaries.iter().map(move |binary| (package, binary)))
}

fn rust_programs<'a>(
    image: &ImageConfig,
    workspace: &'a CargoWorkspace,
) -> Result<Vec<(&'a CargoPackage, &'a CargoBinary)>, PlanError> {
    let candidates: Vec<_> = match &image.package {
        Some(asked) => {
            let known: Vec<String> = workspace.packages.iter().map(|package| package.name.clone()).collect();
            let package = workspace.packages.iter().find(|package| package.name == asked.value);
            let package = package.ok_or_else(|| unknown(image, "package", asked, known))?;
            package.binaries.iter().map(|binary| (package, binary)).collect()
        }
        None => match workspace.packages.iter().find(|package| package.manifest.parent() == Some(&image.path.value)) {
            Some(package) => package.binaries.iter().map(|binary| (package, binary)).collect(),
            None => default_programs(workspace).collect(),
        },
    };
    let missing = || no_program(&image.path.value, &Project::Rust(workspace.clone()));
    choose(image, candidates, |(_, binary)| &binary.name, missing)
}

fn go_programs<'a>(image: &ImageConfig, module: &'a GoModule) -> Result<Vec<&'a GoMain>, PlanError> {
    let candidates: Vec<_> = match &image.package {
        Some(asked) => {
            let folder = image.path.value.join(asked.value.trim_end_matches('/'));
            let is_asked = |main: &&GoMain| {
                main.import_path == asked.value || same_folder(&main.directory, &folder)
            };
            let known: Vec<String> = module.mains.iter().map(|main| main.import_path.clone()).collect();
            let main = module.mains.iter().find(is_asked);
            vec![main.ok_or_else(|| unknown(image, "package", asked, known))?]
        }
        None => match module.mains.iter().find(|main| main.directory == image.path.value) {
            Some(main) if image.binaries.is_none() => vec![main],
            _ => module.mains.iter().collect(),
        },
    };
    let missing = || no_program(&image.path.value, &Project::Go(module.clone()));
    choose(image, candidates, |main| &main.name, missing)
}

/// Whether two paths name one folder, `.` components aside.
fn same_folder(left: &Utf8Path, right: &Utf8Path) -> bool {
    let plain = |path: &Utf8Path| path.components().filter(|part| part.as_str() != ".").map(|part| part.as_str().to_owned()).collect::<Vec<_>>();
    plain(left) == plain(right)
}

fn choose<T: Copy>(
    image: &ImageConfig,
    candidates: Vec<T>,
    name: impl Fn(&T) -> &str,
    missing: impl Fn() -> PlanError,
) -> Result<Vec<T>, PlanError> {
    if candidates.is_empty() {
        return Err(missing());
    }
    let known = || candidates.iter().map(|candidate| name(candidate).to_owned()).collect::<Vec<_>>();
    if let Some(asked) = &image.binaries {
        return asked
            .value
            .iter()
            .map(|wanted| {
                let found = candidates.iter().find(|candidate| name(candidate) == wanted).copied();
                found.ok_or_else(|| unknown(image, "binary", &asked.clone().map(|_| wanted.clone()), known()))
            })
            .collect();
    }
    let named_as_image = candidates.iter().find(|candidate| name(candidate) == image.name.value);
    match (candidates.as_slice(), named_as_image) {
        ([only], _) | (_, Some(only)) => Ok(vec![*only]),
        _ => Err(PlanError::SeveralPrograms {
            image: image.name.value.clone(),
            declared: image.name.source.clone(),
            folder: image.path.value.clone(),
            names: known(),
        }),
    }
}

fn unknown(image: &ImageConfig, kind: &'static str, asked: &Sourced<String>, known: Vec<String>) -> PlanError {
    PlanError::UnknownProgram {
        image: image.name.value.clone(),
        folder: image.path.value.clone(),
        kind,
        name: asked.value.clone(),
        asked: asked.source.clone(),
        nearest: nearest(&asked.value, known.iter().map(String::as_str)).map(str::to_owned),
        known,
    }
}

fn refuse_equal_names(images: &[Selected<'_>]) -> Result<(), PlanError> {
    let mut seen = std::collections::BTreeMap::new();
    for image in images {
        let from = match &image.config.name.source {
            Source::Project(what) => what.clone(),
            source => source.to_string(),
        };
        if let Some(first) = seen.insert(image.config.name.value.clone(), from.clone()) {
            return Err(PlanError::TwoImages { name: image.config.name.value.clone(), first, second: from });
        }
    }
    Ok(())
}
