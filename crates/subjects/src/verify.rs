//! Verifies images: reads them from where they lie, chooses the image that each node would pull, and applies the checks of
//! `crossdock-verify`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::panic::resume_unwind;
use std::path::Path;

use crossdock_oci::{
    EntryKind, ImageSource, LookupError, RootEntry, RootLimits, RootView, SourceError, SourceImage,
    SourcePlatform,
};
use crossdock_platform::Platform;
use crossdock_platform::matching::{Only, Specifier};
use crossdock_verify::{
    self as verify, Entry, Expectation, Finding, ImageFacts, Known, PlatformText, Program, Report, Root,
    RootError, codes, verify_image, verify_index, verify_others, verify_program,
};

use crate::target::{Scope, Target, TargetReport};
use crossdock_project::config::Source;

/// The expectations of a plan for the programs of each platform, by their paths in the image.
pub type Planned = BTreeMap<Platform, BTreeMap<String, Expectation>>;

/// Verifies an image for each target. Large contents of its layers are kept in files in the directory `temporary`.
///
/// # Errors
/// If a layer is missing, damaged or hostile: then no statement about the image is possible.
pub fn verify(
    source: &ImageSource,
    image: &SourceImage,
    targets: &[Target],
    planned: &Planned,
    scope: Scope,
    temporary: &Path,
) -> Result<Vec<TargetReport>, SourceError> {
    let offered: Vec<Option<Platform>> =
        image.platforms.iter().map(|image| known(image.platform())).collect();
    let mut takers: BTreeMap<Option<usize>, Vec<(usize, &Target)>> = BTreeMap::new();
    for (number, target) in targets.iter().enumerate() {
        takers.entry(taken(&target.platform, &offered)).or_default().push((number, target));
    }
    let of_place = |(place, takers): (Option<usize>, Vec<(usize, &Target)>)| {
        let Some(place) = place else {
            return Ok(takers.into_iter().map(|(number, target)| (number, refused(target, image))).collect());
        };
        let root = Merged(source.root(&image.platforms[place], RootLimits::default(), temporary)?);
        let verified = takers.into_iter().map(|(number, target)| {
            let mut findings = index_findings(image);
            findings.extend(one(&image.platforms[place], &root, target, planned, scope));
            (number, report(target, offered[place].clone(), findings))
        });
        Ok(verified.collect::<Vec<_>>())
    };
    let verified: Result<Vec<Vec<(usize, TargetReport)>>, SourceError> =
        side_by_side(takers.into_iter().collect(), of_place).into_iter().collect();
    let in_order: BTreeMap<usize, TargetReport> = verified?.into_iter().flatten().collect();
    Ok(in_order.into_values().collect())
}

/// What `work` makes of each item, in their order; few at a time, for each may hold a whole program in memory.
fn side_by_side<I: Send, R: Send>(items: Vec<I>, work: impl Fn(I) -> R + Sync) -> Vec<R> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let (mut items, mut results) = (items.into_iter().peekable(), Vec::new());
    while items.peek().is_some() {
        std::thread::scope(|scope| {
            let running: Vec<_> =
                items.by_ref().take(processors).map(|item| scope.spawn(|| work(item))).collect();
            let ended =
                running.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            results.extend(ended);
        });
    }
    results
}

/// Verifies a program file outside of an image.
pub fn verify_file(path: &str, bytes: &[u8], mode: Option<u32>, target: &Target) -> TargetReport {
    let program = Program { path, bytes, mode };
    report(target, Some(target.platform.clone()), verify_program(&program, &node(target), None, None))
}

/// A platform of an image as a target of its own, where nobody says for which nodes the image is.
pub fn of_itself(platform: &crossdock_oci::PlatformObject) -> Option<Target> {
    let platform = known(platform)?;
    let source = Source::Default("the image's own platforms".to_owned());
    Some(Target { description: platform.to_string(), platform, node: None, source })
}

/// What is said of a platform that has no name that is known: no node takes it.
pub fn unreadable(platform: &crossdock_oci::PlatformObject) -> TargetReport {
    let name = platform.to_string();
    let message =
        format!("The index names {name}, which is no platform that OCI or Go knows: no node takes it.");
    let findings = vec![Finding::new(codes::UNKNOWN_TARGET, &name, "", message)];
    let report = Report::new("", name.clone(), findings);
    TargetReport { for_: name, platform: None, verdict: report.verdict, findings: report.findings }
}

fn one(
    image: &SourcePlatform,
    root: &Merged,
    target: &Target,
    planned: &Planned,
    scope: Scope,
) -> Vec<Finding> {
    let none = BTreeMap::new();
    let planned = known(image.platform()).and_then(|platform| planned.get(&platform)).unwrap_or(&none);
    let (image, target) = (facts(image), node(target));
    let mut findings = verify_image(&image, root, &target, planned);
    if scope == Scope::All {
        findings.extend(others(&image, root, &target, planned));
    }
    findings
}

/// Every other program of the image: whatever may be executed.
fn others(
    image: &ImageFacts,
    root: &Merged,
    target: &verify::Target,
    planned: &BTreeMap<String, Expectation>,
) -> Vec<Finding> {
    let absolute = |entry: &RootEntry| format!("/{}", entry.path.trim_start_matches('/'));
    let executable = root.0.walk().filter(|entry| entry.kind == EntryKind::File && entry.mode & 0o111 != 0);
    let paths = executable.map(|entry| absolute(&entry)).filter(|path| !planned.contains_key(path));
    verify_others(paths, image, root, target)
}

fn report(target: &Target, platform: Option<Platform>, findings: Vec<Finding>) -> TargetReport {
    let report = Report::new("", target.platform.to_string(), findings);
    TargetReport {
        for_: target.description.clone(),
        platform,
        verdict: report.verdict,
        findings: report.findings,
    }
}

fn refused(target: &Target, image: &SourceImage) -> TargetReport {
    let names: Vec<String> = image.platforms.iter().map(|image| image.platform().to_string()).collect();
    let message = format!(
        "A node of {} is {}, and the image has no program for it: it holds {}.",
        target.description,
        target.platform,
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    );
    let help = format!(
        "Build the image for {} too: add it to `--platform` of `crossdock dist`, or leave `--platform` out.",
        target.platform
    );
    let finding = Finding::new(codes::PLATFORM_MISSING, &target.platform.to_string(), "", message);
    report(target, None, vec![finding.with_help(help)])
}

/// What such a node is known to offer.
fn node(target: &Target) -> verify::Target {
    let named = verify::Target::new(&target.platform);
    let Some(node) = &target.node else { return named };
    named.on(verify::Node {
        name: Some(target.description.clone()),
        level: match &node.level {
            Some(level) => verify::NodeLevel::AtLeast(level.clone()),
            None => verify::NodeLevel::Unknown,
        },
        page_sizes: node.page_sizes.iter().copied().map(u64::from).collect(),
        runs_32_bit: match node.runs_32_bit {
            Some(true) => Known::Yes,
            Some(false) => Known::No,
            None => Known::Unknown,
        },
    })
}

/// The place of the platform that such a node pulls, as containerd chooses; what has no readable platform is not taken.
pub fn taken(host: &Platform, offered: &[Option<Platform>]) -> Option<usize> {
    let readable: Vec<(usize, &Platform)> = offered
        .iter()
        .enumerate()
        .filter_map(|(place, platform)| Some((place, platform.as_ref()?)))
        .collect();
    let specifiers: Vec<Specifier> =
        readable.iter().map(|(_, platform)| Specifier::from(*platform)).collect();
    let best = *Only::for_platform(host).select(&specifiers).accepted.first()?;
    readable.get(best).map(|(place, _)| *place)
}

/// An image's platform in normal form; none for a name that is not known, which no node takes.
pub fn known(platform: &crossdock_oci::PlatformObject) -> Option<Platform> {
    Platform::parse(&platform.to_string()).ok().map(|platform| platform.normalized())
}

fn index_findings(image: &SourceImage) -> Vec<Finding> {
    let platforms: Vec<PlatformText> = image.platforms.iter().map(|image| text(image.platform())).collect();
    verify_index(&platforms)
}

fn text(platform: &crossdock_oci::PlatformObject) -> PlatformText {
    PlatformText::new(&platform.os, &platform.architecture, platform.variant.as_deref())
}

fn facts(image: &SourcePlatform) -> ImageFacts {
    let config = &image.config.value.config;
    ImageFacts {
        index_platform: image.descriptor.platform.as_ref().map(text),
        config_platform: text(&image.config.value.platform),
        entrypoint: config.entrypoint.clone(),
        cmd: config.cmd.clone(),
        env: config.env.clone(),
        user: config.user.clone(),
        working_directory: config.working_dir.clone(),
        exposed_ports: config.exposed_ports.iter().cloned().collect(),
    }
}

/// The merged root of an image, as a check asks for it.
struct Merged(RootView);

/// A file of an image longer than this is not verified: no program that anybody deploys is near it.
const MAX_PROGRAM: u64 = 2 << 30;

impl Root for Merged {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        match self.0.lookup_link(path) {
            Ok(found) => Ok(Some(entry(&found))),
            Err(LookupError::NotFound { .. } | LookupError::NotADir { .. }) => Ok(None),
            Err(error) => Err(RootError::new(path, error.to_string())),
        }
    }

    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, RootError> {
        self.0.read(path, MAX_PROGRAM).map_err(|error| RootError::new(path, error.to_string()))
    }

    fn read_at(&self, path: &str, offset: u64, length: u64) -> Result<Cow<'_, [u8]>, RootError> {
        let failed = |error: &dyn std::error::Error| RootError::new(path, error.to_string());
        let found = self.0.lookup(path).map_err(|error| failed(&error))?;
        let mut reader = self.0.open(&found);
        let mut part = Vec::new();
        reader.seek(SeekFrom::Start(offset)).map_err(|error| failed(&error))?;
        reader.take(length).read_to_end(&mut part).map_err(|error| failed(&error))?;
        Ok(Cow::Owned(part))
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        let Ok(found) = self.0.lookup_link(path) else { return Ok(None) };
        let named = found.xattrs.into_iter().find(|(known, _)| known == name.as_bytes());
        Ok(named.map(|(_, value)| value))
    }
}

fn entry(found: &RootEntry) -> Entry {
    let kind = match &found.kind {
        EntryKind::File => verify::EntryKind::File,
        EntryKind::Dir => verify::EntryKind::Directory,
        EntryKind::Symlink(target) => verify::EntryKind::Link(String::from_utf8_lossy(target).into_owned()),
        EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => verify::EntryKind::Special,
    };
    Entry { kind, mode: found.mode, uid: found.uid, gid: found.gid, size: found.size }
}
