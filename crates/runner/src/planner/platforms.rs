//! The platforms that are built of an image, and the nodes for which it is verified, each with its reason.

use crossdock_platform::matching::{Only, Specifier};
use crossdock_platform::{ImageForms, Os, Platform};

use super::error::PlanError;
use super::request::{Goal, Pack, Request};
use crate::plan::{ImageShape, Node, Target};
use crossdock_platform::{listed, nearest};
use crossdock_project::config::{Config, Deploy, ImageConfig, NodeDescription, Source, Sourced};

/// The platforms and targets of one image.
pub(super) struct Platforms {
    /// Platforms, each with the reason why it is built.
    pub(super) built: Vec<(Platform, String)>,
    /// Nodes on which the image must start.
    pub(super) targets: Vec<Target>,
    /// Nodes of `--for` that run none of the built platforms. Verification will reject the image for them.
    pub(super) warnings: Vec<String>,
    /// Assumptions that a person should know.
    pub(super) notes: Vec<String>,
}

/// Chooses the platforms: `--platform`, else those of the nodes of `--for`, else those of the image's deploy targets, else
/// linux/amd64 and linux/arm64.
pub(super) fn platforms(
    config: &Config,
    image: &ImageConfig,
    request: &Request,
) -> Result<Platforms, PlanError> {
    let (mut warnings, mut notes) = (Vec::new(), Vec::new());
    let mut asked = targets(config, image, request, &mut notes)?;
    let mut built: Vec<(Platform, String)> = Vec::new();
    if !request.platforms.is_empty() {
        for text in &request.platforms {
            let platform = platform(text, request)?;
            add(&mut built, platform, text.source.to_string());
        }
    } else if !asked.is_empty() {
        for target in &asked {
            reject_without_containers(target, request)?;
            add(&mut built, target.platform.clone(), format!("{} ({})", target.description, target.source));
        }
    } else {
        let default = "the default: linux/amd64 and linux/arm64, as nothing else was asked for";
        built = [Platform::LINUX_AMD64, Platform::LINUX_ARM64]
            .map(|platform| (platform, default.to_owned()))
            .into();
    }
    add_plain_amd64(&mut built);
    if !request.platforms.is_empty() {
        if request.nodes.is_empty() {
            notes.extend(drop_unserved(&mut asked, image, &built));
        } else {
            warnings.extend(unserved_by_request(&asked, image, &built, request)?);
        }
    }
    let targets = with_built_platforms(asked, &built);
    Ok(Platforms { built, targets, warnings, notes })
}

/// Returns the shape of an image that all of its nodes take.
///
/// # Errors
/// A node takes the image of one platform, and several are built.
pub(super) fn shape(
    image: &ImageConfig,
    asked: &[Target],
    built: &[(Platform, String)],
) -> Result<ImageShape, PlanError> {
    let takes_manifests =
        |target: &&Target| target.node.as_ref().is_some_and(|node| node.images == ImageForms::AwsLambda);
    let Some(lambda) = asked.iter().find(takes_manifests) else { return Ok(ImageShape::Index) };
    // Platforms without containers are only in release archives.
    let platforms: Vec<String> = built
        .iter()
        .filter(|(platform, _)| platform.os() == Os::Linux)
        .map(|(platform, _)| platform.to_string())
        .collect();
    if platforms.len() <= 1 {
        return Ok(ImageShape::Manifest);
    }
    Err(PlanError::OnePlatform {
        image: image.name.value.clone(),
        node: lambda.description.clone(),
        asked: lambda.source.clone(),
        platforms: platforms.join(", "),
    })
}

/// Removes nodes that pull none of the built platforms, and returns a note that names them. `deploy` declares where the
/// whole image may run, whereas `--platform` builds a part of it.
fn drop_unserved(
    asked: &mut Vec<Target>,
    image: &ImageConfig,
    built: &[(Platform, String)],
) -> Option<String> {
    let (served, unserved): (Vec<Target>, Vec<Target>) =
        std::mem::take(asked).into_iter().partition(|target| serves(built, target));
    *asked = served;
    (!unserved.is_empty()).then(|| {
        format!(
            "image `{}` is not verified for {}: {} of the platforms that --platform selects",
            image.name.value,
            in_words(&unserved),
            if unserved.len() == 1 { "it runs none" } else { "they run none" }
        )
    })
}

/// Returns a warning that names the nodes of `--for` that pull none of the built platforms. They stay targets: explicit
/// targets are always verified, and verification rejects the image for them.
fn unserved_by_request(
    asked: &[Target],
    image: &ImageConfig,
    built: &[(Platform, String)],
    request: &Request,
) -> Result<Option<String>, PlanError> {
    for target in asked {
        reject_without_containers(target, request)?;
        if target.platform.os() != Os::Linux
            && !built.iter().any(|(platform, _)| *platform == target.platform)
        {
            return Err(PlanError::Description {
                text: target.description.clone(),
                asked: target.source.clone(),
                why: format!(
                    "is {}, which is not built; add it to --platform, or leave --platform out",
                    target.platform
                ),
            });
        }
    }
    // An image of an earlier build may have more platforms than this call would build.
    let builds = matches!(request.goal, Goal::Build | Goal::Dist);
    let unserved = asked.iter().filter(|target| builds && !serves(built, target));
    let unserved: Vec<Target> = unserved.cloned().collect();
    Ok((!unserved.is_empty()).then(|| {
        let mut platforms: Vec<String> = unserved.iter().map(|target| target.platform.to_string()).collect();
        platforms.sort();
        platforms.dedup();
        format!(
            "image `{}` has no program for {}: add {} to --platform, or leave --platform out",
            image.name.value,
            in_words(&unserved),
            platforms.join(",")
        )
    }))
}

/// Returns whether a node pulls one of the built platforms, by containerd's rule.
fn serves(built: &[(Platform, String)], target: &Target) -> bool {
    let offered: Vec<Specifier> = built.iter().map(|(platform, _)| Specifier::from(platform)).collect();
    !Only::for_platform(&target.platform).select(&offered).accepted.is_empty()
        || built.iter().any(|(platform, _)| *platform == target.platform)
}

/// Formats each target as `m5.large, a node of linux/amd64 (--for on the command line)`.
fn in_words(targets: &[Target]) -> String {
    let words = |target: &Target| {
        let Target { description, platform, source, .. } = target;
        if *description == platform.to_string() {
            format!("{description} ({source})")
        } else {
            format!("{description}, a node of {platform} ({source})")
        }
    };
    targets.iter().map(words).collect::<Vec<_>>().join(" and ")
}

/// Adds plain linux/amd64 to amd64 levels. By default containerd assumes a host without a level, which rejects an index
/// that has only amd64/v2 and above.
fn add_plain_amd64(built: &mut Vec<(Platform, String)>) {
    let level = built.iter().find(|(platform, _)| {
        platform.architecture() == Platform::LINUX_AMD64.architecture() && platform.variant().is_some()
    });
    if let Some(level) = level.map(|(platform, _)| platform.to_string()) {
        let reason = format!("in addition to {level}: most nodes reject an index without plain linux/amd64");
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

/// Adds a target for every built platform that no named node has, so that nothing is tagged unverified.
fn with_built_platforms(mut asked: Vec<Target>, built: &[(Platform, String)]) -> Vec<Target> {
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

/// Returns the nodes that descriptions name. `deploy:NAME` names the nodes of a deploy target.
///
/// # Errors
/// If a description or a deploy target is unknown.
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
                add_nodes(deploy, &node.source, &mut targets, notes);
            }
            None => targets.push(target(resolved(node)?, notes)),
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
        add_nodes(deploy(config, name)?, &name.source, &mut targets, notes);
    }
    Ok(targets)
}

/// Adds the nodes of a deploy target, at their place in the file that names it.
fn add_nodes(deploy: &Deploy, named_at: &Source, targets: &mut Vec<Target>, notes: &mut Vec<String>) {
    for node in deploy.nodes_for(named_at) {
        let mut target = target(node.clone(), notes);
        target.description = format!("{} (deploy {})", target.description, deploy.name);
        targets.push(target);
    }
}

fn deploy<'a>(config: &'a Config, name: &Sourced<String>) -> Result<&'a Deploy, PlanError> {
    config.deploys.get(&name.value).ok_or_else(|| {
        let known = || config.deploys.keys().map(String::as_str);
        let help = match nearest(&name.value, known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if config.deploys.is_empty() => {
                format!("declare it with [deploy.{}] in crossdock.toml", name.value)
            }
            None => format!("there are {}", listed(known())),
        };
        PlanError::UnknownDeploy { name: name.value.clone(), asked: name.source.clone(), help }
    })
}

/// Resolves the description of a node or platform.
fn resolved(text: &Sourced<String>) -> Result<Sourced<NodeDescription>, PlanError> {
    match NodeDescription::parse(&text.value) {
        Ok(node) => Ok(Sourced::new(node, text.source.clone())),
        Err(why) => Err(PlanError::Description { text: text.value.clone(), asked: text.source.clone(), why }),
    }
}

/// Returns the target for a described node. Assumptions of the description join the notes.
fn target(node: Sourced<NodeDescription>, notes: &mut Vec<String>) -> Target {
    let Sourced { value: node, source } = node;
    notes.extend(node.notes);
    Target {
        description: node.text,
        platform: node.platform,
        node: node.profile.as_ref().map(Node::from),
        source,
    }
}

fn platform(text: &Sourced<String>, request: &Request) -> Result<Platform, PlanError> {
    let target = target(resolved(text)?, &mut Vec::new());
    reject_without_containers(&target, request)?;
    Ok(target.platform)
}

fn reject_without_containers(target: &Target, request: &Request) -> Result<(), PlanError> {
    match target.platform.os() {
        Os::Linux => Ok(()),
        _ if request.pack == Pack::Releases => Ok(()),
        _ => Err(PlanError::NoContainers {
            platform: target.platform.to_string(),
            asked: target.source.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::testing::{config, image, request, stated};
    use super::*;

    fn of(for_: &[&str], platforms: &[&str], deploy: &[&str]) -> Result<Platforms, PlanError> {
        let texts =
            |texts: &[&str]| -> Vec<_> { texts.iter().map(|text| stated((*text).to_owned())).collect() };
        let mut config = config();
        let nodes = texts(deploy).iter().map(|text| resolved(text).unwrap()).collect();
        config
            .deploys
            .insert("eks".to_owned(), Deploy { name: "eks".to_owned(), nodes, repeated: Vec::new() });
        let mut image = image("app");
        if !deploy.is_empty() {
            image.deploy = texts(&["eks"]);
        }
        let request = Request { nodes: texts(for_), platforms: texts(platforms), ..request() };
        super::platforms(&config, &image, &request)
    }

    fn verified_for(platforms: &Platforms) -> Vec<&str> {
        platforms.targets.iter().map(|target| target.description.as_str()).collect()
    }

    /// An image was built on an Apple machine and rejected by EKS: a node of `--for` must never be dropped.
    #[test]
    fn explicit_targets_are_always_verified() {
        let origin = of(&["m5.large"], &["linux/arm64"], &[]).unwrap();
        assert_eq!(verified_for(&origin), ["m5.large", "linux/arm64"]);
        insta::assert_snapshot!(origin.warnings.join("\n"), @"image `app` has no program for m5.large, a node of linux/amd64 (a test on the command line): add linux/amd64 to --platform, or leave --platform out");
        let served = of(&["linux/amd64/v3"], &["linux/amd64"], &[]).unwrap();
        assert_eq!(verified_for(&served), ["linux/amd64/v3", "linux/amd64"]);
        assert_eq!(served.warnings, [""; 0], "a node of level 3 runs what is built for every level");
        let deployed = of(&["deploy:eks"], &["linux/arm64"], &["m5.large"]).unwrap();
        assert_eq!(verified_for(&deployed), ["m5.large (deploy eks)", "linux/arm64"]);
    }

    #[test]
    fn deploy_targets_without_a_built_platform_are_dropped_with_a_note() {
        let part = of(&[], &["linux/arm64"], &["m5.large", "m7g.large"]).unwrap();
        assert_eq!(verified_for(&part), ["m7g.large (deploy eks)"]);
        assert_eq!(part.warnings, [""; 0]);
        insta::assert_snapshot!(part.notes.last().unwrap(), @"image `app` is not verified for m5.large (deploy eks), a node of linux/amd64 (a test on the command line): it runs none of the platforms that --platform selects");
        let whole = of(&[], &["linux/amd64"], &["linux/amd64/v3"]).unwrap();
        assert_eq!(verified_for(&whole), ["linux/amd64/v3 (deploy eks)", "linux/amd64"]);
        assert!(!whole.notes.iter().any(|note| note.contains("not verified")), "{:?}", whole.notes);
    }

    #[test]
    fn nodes_are_at_their_place_in_the_file_of_the_image() {
        let at = |file: &str, line| Source::File { path: file.into(), line, column: 10 };
        let nodes =
            |source: Source| vec![Sourced { source, ..resolved(&stated("m5.large".to_owned())).unwrap() }];
        let (name, repeated) = ("eks".to_owned(), vec![nodes(at("/p/b.toml", 7))]);
        let deploy = Deploy { name: name.clone(), nodes: nodes(at("/p/a.toml", 3)), repeated };
        let mut config = config();
        config.deploys.insert(name.clone(), deploy);
        for (place, expected) in [
            (at("/p/a.toml", 9), "/p/a.toml:3:10"),
            (at("/p/b.toml", 9), "/p/b.toml:7:10"),
            (Source::CommandLine("--for".to_owned()), "/p/a.toml:3:10"),
        ] {
            let mut image = image("app");
            image.deploy = vec![Sourced::new(name.clone(), place)];
            let platforms = super::platforms(&config, &image, &request()).unwrap();
            assert_eq!(platforms.targets[0].source.to_string(), expected);
        }
    }

    #[test]
    fn platforms_that_run_no_containers_are_rejected_as_targets() {
        let error = of(&["darwin/arm64"], &["linux/arm64"], &[]).err().unwrap().to_string();
        assert!(error.contains("runs no containers"), "{error}");
    }
}
