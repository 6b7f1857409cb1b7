//! Which platforms an image is built for, and which nodes it is judged against; each with its reason.

use crossdock_platform::matching::{Only, Specifier};
use crossdock_platform::{Os, Platform};

use super::error::PlanError;
use super::request::{Goal, Pack, Request};
use super::{Node, Target};
use crossdock_platform::{listed, nearest};
use crossdock_project::config::{Config, Deploy, ImageConfig, NodeDescription, Source, Sourced};

/// The platforms and targets of one image.
pub(super) struct Platforms {
    /// Each with the reason why it is built.
    pub(super) built: Vec<(Platform, String)>,
    /// Nodes that the image must start on.
    pub(super) targets: Vec<Target>,
    /// Nodes of `--for` that none of the built platforms serves: whoever judges the image refuses it for them.
    pub(super) warnings: Vec<String>,
    /// Assumptions that a person should know of.
    pub(super) notes: Vec<String>,
}

/// `--platform`; else what `--for` names; else the image's deploy targets; else linux/amd64 and linux/arm64.
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
    if !request.platforms.is_empty() {
        match request.nodes.is_empty() {
            true => notes.extend(without_unserved(&mut asked, image, &built)),
            false => warnings.extend(unserved_by_request(&asked, image, &built, request)?),
        }
    }
    let targets = judged(asked, &built);
    Ok(Platforms { built, targets, warnings, notes })
}

/// `deploy` says where all of an image may run, and `--platform` that a part of it is built: nodes that pull nothing of
/// that part are left out, and named.
fn without_unserved(
    asked: &mut Vec<Target>,
    image: &ImageConfig,
    built: &[(Platform, String)],
) -> Option<String> {
    let (served, unserved): (Vec<Target>, Vec<Target>) =
        std::mem::take(asked).into_iter().partition(|target| serves(built, target));
    *asked = served;
    (!unserved.is_empty()).then(|| {
        format!(
            "image `{}` is not judged for {}: {} of the platforms that --platform chooses",
            image.name.value,
            in_words(&unserved),
            if unserved.len() == 1 { "it takes none" } else { "they take none" }
        )
    })
}

/// `--for` says what the result is judged against, whatever is built: a node that pulls none of it stays, and the image
/// is refused for it.
fn unserved_by_request(
    asked: &[Target],
    image: &ImageConfig,
    built: &[(Platform, String)],
    request: &Request,
) -> Result<Option<String>, PlanError> {
    for target in asked {
        refuse_without_containers(target, request)?;
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
    // What is judged or tagged without being built may hold more than this call would build.
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

/// Whether a node pulls one of the built platforms, as containerd chooses.
fn serves(built: &[(Platform, String)], target: &Target) -> bool {
    let offered: Vec<Specifier> = built.iter().map(|(platform, _)| Specifier::from(platform)).collect();
    !Only::for_platform(&target.platform).select(&offered).accepted.is_empty()
        || built.iter().any(|(platform, _)| *platform == target.platform)
}

/// `m5.large, a node of linux/amd64 (--for on the command line)`, for each.
fn in_words(targets: &[Target]) -> String {
    let words = |target: &Target| {
        let Target { description, platform, source, .. } = target;
        match *description == platform.to_string() {
            true => format!("{description} ({source})"),
            false => format!("{description}, a node of {platform} ({source})"),
        }
    };
    targets.iter().map(words).collect::<Vec<_>>().join(" and ")
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
fn judged(mut asked: Vec<Target>, built: &[(Platform, String)]) -> Vec<Target> {
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
        add_nodes(deploy(config, name)?, &mut targets, notes)?;
    }
    Ok(targets)
}

fn add_nodes(deploy: &Deploy, targets: &mut Vec<Target>, notes: &mut Vec<String>) -> Result<(), PlanError> {
    for node in &deploy.nodes {
        let mut target = target(node.clone(), notes);
        target.description = format!("{} (deploy {})", target.description, deploy.name);
        targets.push(target);
    }
    Ok(())
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

/// Resolves a description of a node or platform.
fn resolved(text: &Sourced<String>) -> Result<Sourced<NodeDescription>, PlanError> {
    match NodeDescription::parse(&text.value) {
        Ok(node) => Ok(Sourced::new(node, text.source.clone())),
        Err(why) => Err(PlanError::Description { text: text.value.clone(), asked: text.source.clone(), why }),
    }
}

/// Makes the target of a described node; what a person should know of the description joins the notes.
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

#[cfg(test)]
mod tests {
    use super::super::testing::{config, image, request, stated};
    use super::*;

    fn of(for_: &[&str], platforms: &[&str], deploy: &[&str]) -> Result<Platforms, PlanError> {
        let texts =
            |texts: &[&str]| -> Vec<_> { texts.iter().map(|text| stated((*text).to_owned())).collect() };
        let mut config = config();
        let nodes = texts(deploy).iter().map(|text| resolved(text).unwrap()).collect();
        config.deploys.insert("eks".to_owned(), Deploy { name: "eks".to_owned(), nodes });
        let mut image = image("app");
        if !deploy.is_empty() {
            image.deploy = texts(&["eks"]);
        }
        let request = Request { nodes: texts(for_), platforms: texts(platforms), ..request() };
        super::platforms(&config, &image, &request)
    }

    fn judged_for(platforms: &Platforms) -> Vec<&str> {
        platforms.targets.iter().map(|target| target.description.as_str()).collect()
    }

    /// The image of an Apple machine that EKS refused: `--for` is never dropped.
    #[test]
    fn what_for_names_is_judged_whatever_is_built() {
        let origin = of(&["m5.large"], &["linux/arm64"], &[]).unwrap();
        assert_eq!(judged_for(&origin), ["m5.large", "linux/arm64"]);
        insta::assert_snapshot!(origin.warnings.join("\n"), @"image `app` has no program for m5.large, a node of linux/amd64 (a test on the command line): add linux/amd64 to --platform, or leave --platform out");
        let served = of(&["linux/amd64/v3"], &["linux/amd64"], &[]).unwrap();
        assert_eq!(judged_for(&served), ["linux/amd64/v3", "linux/amd64"]);
        assert_eq!(served.warnings, [""; 0], "a node of level 3 runs what is built for every level");
        let deployed = of(&["deploy:eks"], &["linux/arm64"], &["m5.large"]).unwrap();
        assert_eq!(judged_for(&deployed), ["m5.large (deploy eks)", "linux/arm64"]);
    }

    #[test]
    fn a_part_of_what_an_image_is_deployed_on_is_built_with_a_note() {
        let part = of(&[], &["linux/arm64"], &["m5.large", "m7g.large"]).unwrap();
        assert_eq!(judged_for(&part), ["m7g.large (deploy eks)"]);
        assert_eq!(part.warnings, [""; 0]);
        insta::assert_snapshot!(part.notes.last().unwrap(), @"image `app` is not judged for m5.large (deploy eks), a node of linux/amd64 (a test on the command line): it takes none of the platforms that --platform chooses");
        let whole = of(&[], &["linux/amd64"], &["linux/amd64/v3"]).unwrap();
        assert_eq!(judged_for(&whole), ["linux/amd64/v3 (deploy eks)", "linux/amd64"]);
        assert!(!whole.notes.iter().any(|note| note.contains("not judged")), "{:?}", whole.notes);
    }

    #[test]
    fn what_runs_no_containers_is_not_asked_for_in_vain() {
        let error = of(&["darwin/arm64"], &["linux/arm64"], &[]).err().unwrap().to_string();
        assert!(error.contains("runs no containers"), "{error}");
    }
}
