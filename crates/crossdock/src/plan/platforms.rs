//! Which platforms an image is built for, and which nodes it is judged against; each with its reason.

use crossdock_platform::{Description, Os, OsSource, Platform, Reading, describe, known_platforms};

use super::error::PlanError;
use super::request::{Pack, Request};
use super::{Node, Target};
use crate::config::{Config, Deploy, ImageConfig, Source, Sourced};
use crate::nearest::nearest;

/// The platforms and targets of one image.
pub(super) struct Platforms {
    /// Each with the reason why it is built.
    pub(super) built: Vec<(Platform, String)>,
    /// Nodes that the image must start on.
    pub(super) targets: Vec<Target>,
    /// Assumptions that a person should know of.
    pub(super) notes: Vec<String>,
}

/// `--platform`; else what `--for` names; else the image's deploy targets; else linux/amd64 and linux/arm64.
pub(super) fn platforms(
    config: &Config,
    image: &ImageConfig,
    request: &Request,
) -> Result<Platforms, PlanError> {
    let mut notes = Vec::new();
    let asked = targets(config, image, request, &mut notes)?;
    let mut built: Vec<(Platform, String)> = Vec::new();
    if !request.platforms.is_empty() {
        for text in &request.platforms {
            let platform = platform(text, request)?;
            add(&mut built, platform, text.source.to_string());
        }
    } else if !asked.is_empty() {
        for target in &asked {
            refuse_without_containers(target, request)?;
            add(&mut built, target.platform.clone(), format!("{} ({})", target.description, target.source));
        }
    } else {
        let default = "the default: linux/amd64 and linux/arm64, as nothing else was asked for";
        built = [Platform::LINUX_AMD64, Platform::LINUX_ARM64]
            .map(|platform| (platform, default.to_owned()))
            .into();
    }
    add_plain_amd64(&mut built);
    let targets = judged(asked, &built, request);
    Ok(Platforms { built, targets, notes })
}

/// A host without a level, containerd's default, refuses an index that holds only amd64/v2 and above.
fn add_plain_amd64(built: &mut Vec<(Platform, String)>) {
    let level = built.iter().find(|(platform, _)| {
        platform.architecture() == Platform::LINUX_AMD64.architecture() && platform.variant().is_some()
    });
    if let Some(level) = level.map(|(platform, _)| platform.to_string()) {
        let reason = format!("beside {level}: most nodes refuse an index without plain linux/amd64");
        if !built.iter().any(|(platform, _)| *platform == Platform::LINUX_AMD64) {
            built.insert(0, (Platform::LINUX_AMD64, reason));
        }
    }
}

fn add(built: &mut Vec<(Platform, String)>, platform: Platform, reason: String) {
    match built.iter_mut().find(|(known, _)| *known == platform) {
        Some((_, reasons)) if !reasons.contains(&reason) => *reasons = format!("{reasons}; {reason}"),
        Some(_) => {}
        None => built.push((platform, reason)),
    }
}

/// The named nodes; every built platform that no named node stands for is judged as a node of its own kind: nothing is
/// tagged unjudged.
fn judged(mut asked: Vec<Target>, built: &[(Platform, String)], request: &Request) -> Vec<Target> {
    if !request.platforms.is_empty() {
        asked.retain(|target| built.iter().any(|(platform, _)| *platform == target.platform));
    }
    for (platform, reason) in built {
        if !asked.iter().any(|target| target.platform == *platform) {
            asked.push(Target {
                description: platform.to_string(),
                platform: platform.clone(),
                node: None,
                source: Source::Default(reason.clone()),
            });
        }
    }
    asked
}

/// The nodes that descriptions name; `deploy:NAME` stands for those of a deploy target.
///
/// # Errors
/// Descriptions and deploy targets that are not known.
pub fn named_targets(config: &Config, nodes: &[Sourced<String>]) -> Result<Vec<Target>, PlanError> {
    with_notes(config, nodes, &mut Vec::new())
}

fn with_notes(
    config: &Config,
    nodes: &[Sourced<String>],
    notes: &mut Vec<String>,
) -> Result<Vec<Target>, PlanError> {
    let mut targets = Vec::new();
    for node in nodes {
        match node.value.strip_prefix("deploy:") {
            Some(name) => {
                let deploy = deploy(config, &node.clone().map(|_| name.to_owned()))?;
                add_nodes(deploy, &mut targets, notes)?;
            }
            None => targets.push(target(node, notes)?),
        }
    }
    Ok(targets)
}

fn targets(
    config: &Config,
    image: &ImageConfig,
    request: &Request,
    notes: &mut Vec<String>,
) -> Result<Vec<Target>, PlanError> {
    if !request.nodes.is_empty() {
        return with_notes(config, &request.nodes, notes);
    }
    let mut targets = Vec::new();
    for name in &image.deploy {
        add_nodes(deploy(config, name)?, &mut targets, notes)?;
    }
    Ok(targets)
}

fn add_nodes(deploy: &Deploy, targets: &mut Vec<Target>, notes: &mut Vec<String>) -> Result<(), PlanError> {
    for node in &deploy.nodes {
        let mut target = target(node, notes)?;
        target.description = format!("{} (deploy {})", target.description, deploy.name);
        targets.push(target);
    }
    Ok(())
}

fn deploy<'a>(config: &'a Config, name: &Sourced<String>) -> Result<&'a Deploy, PlanError> {
    config.deploys.get(&name.value).ok_or_else(|| PlanError::UnknownDeploy {
        name: name.value.clone(),
        asked: name.source.clone(),
        nearest: nearest(&name.value, config.deploys.keys().map(String::as_str)).map(str::to_owned),
    })
}

/// What a description of a node or platform means.
fn target(text: &Sourced<String>, notes: &mut Vec<String>) -> Result<Target, PlanError> {
    let refuse =
        |why: String| PlanError::Description { text: text.value.clone(), asked: text.source.clone(), why };
    let description = match describe(&text.value, None) {
        Reading::Exact(description) => description,
        Reading::Ambiguous { candidates, why } => return Err(refuse(ambiguous(&candidates, &why))),
        Reading::Unknown(unknown) => {
            let known: Vec<String> = known_platforms().map(|platform| platform.to_string()).collect();
            let meant = nearest(&text.value, known.iter().map(String::as_str));
            let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            return Err(refuse(format!("is no platform or node that crossdock knows: {unknown}{meant}")));
        }
    };
    let named = description.platform_or_linux();
    let (platform, os) =
        named.ok_or_else(|| refuse("names no architecture; say which, as linux/arm64".to_owned()))?;
    if os == OsSource::Assumed {
        notes.push(format!("`{}` names no operating system: linux is assumed", text.value));
    }
    notes.extend(description.notes.iter().map(|note| format!("`{}`: {note}", text.value)));
    Ok(Target {
        description: text.value.clone(),
        platform,
        node: description.node.map(|node| Node {
            level: node.highest.map(str::to_owned),
            page_sizes: node.page_sizes.to_vec(),
            runs_32_bit: node.runs_32bit,
        }),
        source: text.source.clone(),
    })
}

fn ambiguous(candidates: &[Description], why: &str) -> String {
    let names: Vec<String> = candidates
        .iter()
        .filter_map(|candidate| {
            let (platform, _) = candidate.platform_or_linux()?;
            Some(format!("{platform} ({})", candidate.vocabulary.as_str()))
        })
        .collect();
    format!("is ambiguous: {why}; it may mean {}", names.join(", "))
}

fn platform(text: &Sourced<String>, request: &Request) -> Result<Platform, PlanError> {
    let target = target(text, &mut Vec::new())?;
    refuse_without_containers(&target, request)?;
    Ok(target.platform)
}

fn refuse_without_containers(target: &Target, request: &Request) -> Result<(), PlanError> {
    match target.platform.os() {
        Os::Linux => Ok(()),
        _ if request.pack == Pack::Releases => Ok(()),
        _ => Err(PlanError::NoContainers {
            platform: target.platform.to_string(),
            asked: target.source.clone(),
        }),
    }
}
