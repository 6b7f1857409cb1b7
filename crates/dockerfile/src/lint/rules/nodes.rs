//! The platform of the image against that of the nodes it is for.

use crossdock_platform::matching::{Only, Specifier};
use crossdock_platform::{Os, Platform};

use super::correct;
use super::platform::same_machine;
use crate::lint::Options;
use crate::lint::compile::CompileTarget;
use crate::lint::finding::{Finding, Severity, codes};
use crate::lint::model::{Model, PlatformChoice};

/// Images whose platform the file fixes, and which a node that they are for does not take.
pub(in crate::lint) fn platform_against_nodes(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for shipped in &model.shipped {
        let PlatformChoice::Constant(label) = &model.stages[*shipped].platform else { continue };
        let takes = |node: &&Platform| Only::for_platform(node).accepts(&Specifier::from(label));
        let refusing: Vec<String> =
            options.deploy.iter().filter(|node| !takes(node)).map(Platform::to_string).collect();
        if refusing.is_empty() {
            continue;
        }
        let pinned = model.pinned(*shipped);
        let message = format!(
            "--platform={} makes the image {label}, and it will run on {}: no such node starts it",
            pinned.stage.platform.unwrap_or_default(),
            refusing.join(" and "),
        );
        // One platform may stand here; several need a file that is built for each.
        let corrected = match options.deploy.as_slice() {
            [first, rest @ ..] if rest.iter().all(|node| node == first) => {
                correct::with_platform(model, pinned, first)
            }
            _ => correct::without_platform(model, pinned),
        };
        findings.push(Finding::new(codes::PLATFORM_AGAINST_NODES, pinned.line(), message, corrected));
    }
    findings
}

/// Images that take the platform of whoever builds them, when the file compiles the program.
pub(in crate::lint) fn platform_of_the_builder(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (shipped, stage, compile) in model.programs() {
        let image = &model.stages[shipped];
        let follows = image.platform == PlatformChoice::Target && stage.platform == PlatformChoice::Target;
        if !follows || compile.target != CompileTarget::Native || model.hands_out(shipped) {
            continue;
        }
        let other = options.build_host.as_ref().and_then(|host| {
            let machine = Platform::new(Os::Linux, host.architecture());
            options.deploy.iter().find(|node| !same_machine(node, &machine)).map(|node| (machine, node))
        });
        let (severity, message) = match other {
            Some((machine, node)) => (
                Severity::Error,
                format!(
                    "built on this machine the image is {machine}, and it will run on {node}: `exec format error`; \
                     pass --platform {node} to every build, or write it here"
                ),
            ),
            None => (
                Severity::Note,
                "the image has the architecture of the machine that builds it: pass --platform to every build, or \
                 write it here"
                    .to_owned(),
            ),
        };
        let root = &model.stages[image.root];
        // Where the image will run is not in the file.
        let corrected =
            options.deploy.first().and_then(|platform| correct::with_platform(model, root, platform));
        findings.push(
            Finding::new(codes::PLATFORM_OF_THE_BUILDER, root.line(), message, corrected)
                .with_severity(severity),
        );
    }
    findings.dedup();
    findings
}
