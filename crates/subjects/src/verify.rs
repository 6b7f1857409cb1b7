//! Verifies images and program files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crossdock_oci::{
    EntryKind, FileId, ImageConfig, ImageSource, KeptContent, PlatformObject, RootEntry, RootLimits,
    RootView, SourceError, SourceImage, SourcePlatform,
};
use crossdock_platform::Platform;
use crossdock_verify::{
    Expectation, Finding, ImageFacts, PlatformText, Program, Target, Verdict, Verification, codes,
    verify_elsewhere, verify_image, verify_index, verify_others, verify_program,
};

use crate::choice::{parse_platform, pulled};
use crate::dispute::{dispute_findings, linked_etc_finding, own_entry_finding, refused_finding};
use crate::lambda::lambda_findings;
use crate::root::MergedRoot;

/// The expectations of a plan for the programs of each platform, by their paths in the image.
pub type Planned = BTreeMap<Platform, BTreeMap<String, Expectation>>;

/// The programs of an image that are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Scope {
    /// The program that starts and those that the plan put into the image.
    #[default]
    Planned,
    /// Also the executable files in the directories of PATH. Those elsewhere, such as documentation examples, give notes.
    All,
}

/// The settings of a verification of images.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Options<'a> {
    /// The nodes that must start the image.
    pub targets: &'a [Target],
    /// The directory for temporary files, which hold large contents of layers.
    pub temporary: &'a Path,
    /// The expectations of the plan; `None` without a plan.
    pub planned: Option<&'a Planned>,
    /// The programs that are verified.
    pub scope: Scope,
}

impl<'a> Options<'a> {
    /// Creates settings for these targets without expectations, for the programs that start.
    pub fn new(targets: &'a [Target], temporary: &'a Path) -> Options<'a> {
        Options { targets, temporary, planned: None, scope: Scope::default() }
    }

    /// Sets the expectations of the plan.
    #[must_use]
    pub fn with_planned(mut self, planned: &'a Planned) -> Options<'a> {
        self.planned = Some(planned);
        self
    }

    /// Sets the programs that are verified.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Options<'a> {
        self.scope = scope;
        self
    }
}

/// Verifies an image for each target, in the order of the targets. `subject` is the name of the image in the result.
///
/// # Errors
/// If a layer is missing, damaged or hostile: then no statement about the image is possible.
pub fn verify(
    subject: &str,
    source: &ImageSource,
    image: &SourceImage,
    options: &Options<'_>,
) -> Result<Vec<Verification>, SourceError> {
    let offered: Vec<Option<Platform>> =
        image.platforms.iter().map(|image| parse_platform(image.platform())).collect();
    // The targets that pull the same image share its merged root, which is costly to build.
    let mut pullers: BTreeMap<Option<usize>, Vec<(usize, &Target)>> = BTreeMap::new();
    for (number, target) in options.targets.iter().enumerate() {
        pullers.entry(pulled(target.platform(), &image.platforms)).or_default().push((number, target));
    }
    let mut verified: BTreeMap<usize, Verification> = BTreeMap::new();
    // One platform after the other: the root of each is in memory, and reading it keeps two processors busy.
    for (place, targets) in pullers {
        let Some(place) = place else {
            verified.extend(
                targets.into_iter().map(|(number, target)| (number, no_image(subject, target, image))),
            );
            continue;
        };
        let platform = &image.platforms[place];
        let view = match source.root(platform, RootLimits::default(), kept(options.scope), options.temporary)
        {
            Ok(view) => Ok(view),
            Err(SourceError::Root(error)) => match error.refused() {
                Some(refused) => Err((error, refused)),
                None => return Err(error.into()),
            },
            Err(error) => return Err(error),
        };
        verified.extend(targets.into_iter().map(|(number, target)| {
            let mut findings = index_findings(image);
            findings.extend(lambda_findings(source, image, platform, target));
            match &view {
                Ok(view) => {
                    findings.extend(platform_findings(platform, &MergedRoot::new(view), target, options));
                }
                Err((error, refused)) => findings.push(refused_finding(error, refused, target)),
            }
            let verification = Verification::new(subject, target.description(), findings);
            (number, verification.with_platform(offered[place].clone()))
        }));
        // A check may take a file that it cannot read for absent.
        view.map_or(Ok(()), RootView::close)?;
    }
    Ok(verified.into_values().collect())
}

/// Returns the content of which the checks of a scope read much.
fn kept(scope: Scope) -> KeptContent {
    match scope {
        Scope::All => KeptContent::Executables,
        Scope::Planned => KeptContent::Programs,
    }
}

/// Verifies a program file that is not in an image. A program that needs a loader remains unproven.
pub fn verify_file(program: &Program<'_>, target: &Target) -> Verification {
    let findings = verify_program(program, target, None, None);
    Verification::new(program.path, target.description(), findings)
        .with_platform(Some(target.platform().clone()))
}

/// Returns a platform of an image as a target, for an image without a target; `None` if the platform is unknown.
pub fn own_target(platform: &PlatformObject) -> Option<Target> {
    parse_platform(platform).map(|platform| Target::new(&platform))
}

/// Returns the verification of an index entry whose platform is unknown: no node pulls its image.
pub fn unknown_platform(subject: &str, platform: &PlatformObject) -> Verification {
    let name = platform.to_string();
    let message = if platform.is_empty() {
        "Neither the index nor the configuration names a platform: name the nodes of the image with `--for`."
            .to_owned()
    } else {
        format!("The index names {name}, a platform unknown to OCI and Go: no node pulls its image.")
    };
    let findings = vec![Finding::new(codes::UNKNOWN_TARGET, &name, "", message)];
    Verification::new(subject, name, findings)
}

fn platform_findings(
    image: &SourcePlatform,
    root: &MergedRoot<'_>,
    target: &Target,
    options: &Options<'_>,
) -> Vec<Finding> {
    let none = BTreeMap::new();
    let platform = parse_platform(image.platform());
    let planned = platform.and_then(|platform| options.planned?.get(&platform)).unwrap_or(&none);
    let layers = &image.manifest.value.layers;
    let image = facts(image);
    let mut findings = verify_image(&image, root, target, planned);
    // Before the other files of the image are looked up: they do not decide whether it starts.
    findings.extend(dispute_findings(root, layers, target));
    let is_worse = |findings: &[Finding], root: &MergedRoot<'_>| {
        let is_known = |new: &Finding| findings.iter().any(|it| it.code == new.code && it.path == new.path);
        let there = verify_image(&image, root, target, planned);
        there.iter().any(|new| Verdict::of(std::slice::from_ref(new)) != Verdict::Starts && !is_known(new))
    };
    if root.of_docker().is_some_and(|changed| is_worse(&findings, &changed)) {
        findings.push(linked_etc_finding(target));
    }
    if root.of_copies().is_some_and(|changed| is_worse(&findings, &changed)) {
        findings.extend(own_entry_finding(root, layers, target));
    }
    root.stop_recording();
    if options.scope == Scope::All {
        let others = other_findings(&image, root, target, planned);
        // The problems of the program that the image starts are known, wherever it is.
        let reported: BTreeSet<String> = findings.iter().map(|finding| finding.path.clone()).collect();
        let is_new =
            |finding: &Finding| finding.code != codes::NOT_ON_PATH || !reported.contains(&finding.path);
        findings.extend(others.into_iter().filter(is_new));
    }
    findings
}

/// Returns the findings about the other executable files of the image, each verified once whatever its names.
fn other_findings(
    image: &ImageFacts,
    root: &MergedRoot<'_>,
    target: &Target,
    planned: &BTreeMap<String, Expectation>,
) -> Vec<Finding> {
    let mut known: BTreeSet<FileId> =
        planned.keys().filter_map(|path| root.view.lookup(path).ok()).map(|entry| entry.file).collect();
    let is_executable = |entry: &RootEntry| entry.kind == EntryKind::File && entry.mode & 0o111 != 0;
    let mut directories = BTreeSet::new();
    let on_path = image.search_path().into_iter().filter_map(|path| root.view.lookup(path).ok());
    // PATH may name a large directory in a thousand ways.
    let once = on_path.filter(|directory| directories.insert(directory.file));
    let listed = once.filter_map(|directory| root.view.list(directory.path).ok()).flatten();
    // Also those that a link in a directory of PATH leads to, as `/usr/bin/java` to a directory of its own.
    let on_path = listed.filter_map(|entry| root.view.lookup(&entry.path).ok()).filter(is_executable);
    let on_path: Vec<String> =
        on_path.filter(|entry| known.insert(entry.file)).map(|entry| entry.path).collect();
    // The program that starts is verified again; `Verification::new` removes what is found twice.
    let mut findings = verify_others(on_path, image, root, target);
    let elsewhere = root.view.walk().filter(is_executable).filter(|entry| known.insert(entry.file));
    findings.extend(verify_elsewhere(elsewhere.map(|entry| entry.path), image, root, target));
    findings
}

/// Returns the verification for a target that pulls none of the image's platforms.
fn no_image(subject: &str, target: &Target, image: &SourceImage) -> Verification {
    let names: Vec<String> = image.platforms.iter().map(|image| image.platform().to_string()).collect();
    let message = format!(
        "A node of {} is {}, and the image has no program for it: it holds {}.",
        target.description(),
        target.name(),
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    );
    let help = format!(
        "Build the image for {} too: add it to `--platform` of `crossdock dist`, or leave `--platform` out.",
        target.name()
    );
    let finding = Finding::new(codes::PLATFORM_MISSING, target.name(), "", message);
    Verification::new(subject, target.description(), vec![finding.with_help(help)])
}

fn index_findings(image: &SourceImage) -> Vec<Finding> {
    let platforms: Vec<PlatformText> = image.platforms.iter().map(|image| text(image.platform())).collect();
    verify_index(&platforms)
}

fn text(platform: &PlatformObject) -> PlatformText {
    PlatformText::new(&platform.os, &platform.architecture, platform.variant.as_deref())
}

fn facts(image: &SourcePlatform) -> ImageFacts {
    let facts = config_facts(&image.config.value);
    match &image.descriptor.platform {
        Some(platform) => facts.with_index_platform(text(platform)),
        None => facts,
    }
}

/// Returns the facts that an image's configuration states, as for an image without an index.
pub fn config_facts(config: &ImageConfig) -> ImageFacts {
    let (runtime, history) = (&config.config, &config.history);
    ImageFacts::default()
        .with_config_platform(text(&config.platform))
        .with_entrypoint(&runtime.entrypoint)
        .with_cmd(&runtime.cmd)
        .with_env(&runtime.env)
        .with_user(&runtime.user)
        .with_working_directory(&runtime.working_dir)
        .with_exposed_ports(&runtime.exposed_ports)
        .with_volumes(&runtime.volumes)
        .with_stop_signal(&runtime.stop_signal)
        .with_health_check(runtime.healthcheck.iter().flat_map(|check| &check.test))
        .with_shell(&runtime.shell)
        .with_dates(history.iter().filter_map(|step| step.created.as_ref()).chain(&config.created))
        .with_layers(config.rootfs.diff_ids.len(), history.iter().filter(|step| !step.empty_layer).count())
}
