//! The steps of a plan, in an order in which they can run.

use std::collections::BTreeMap;

use crossdock_platform::Platform;

use super::error::PlanError;
use super::request::Goal;
use crate::plan::{Action, BaseFetch, CargoBuild, EnginePlan, GoBuild, ImagePlan, Missing, Step, StepId};
use crossdock_toolchain::choice::Wrapper;

/// An image's name and one of its platforms.
pub(super) type ImagePlatform = (String, Platform);

/// The calls of compilers, and which of them make the programs of an image's platform.
pub(super) struct Compilation {
    pub(super) wrappers: Vec<Wrapper>,
    pub(super) cargo: Vec<CargoBuild>,
    pub(super) go: Vec<GoBuild>,
    pub(super) calls: BTreeMap<ImagePlatform, Vec<Call>>,
}

/// A call of a compiler by its index among those of the same compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Cargo(usize),
    Go(usize),
}

/// Returns the steps of a plan, each after those that it needs.
pub(super) fn steps(
    goal: Goal,
    images: &[ImagePlan],
    compilation: Compilation,
    bases: Vec<(BaseFetch, Vec<String>)>,
    missing: &[Missing],
) -> Result<Vec<Step>, PlanError> {
    let mut steps = Vec::new();
    let Compilation { wrappers, cargo, go, calls } = compilation;
    if matches!(goal, Goal::Build | Goal::Dist) {
        let wrappers = wrappers.into_iter().map(write).collect::<Vec<_>>();
        let written: Vec<StepId> = wrappers.iter().map(|step| step.id.clone()).collect();
        steps.extend(wrappers);
        let of_image: BTreeMap<String, StepId> = bases
            .iter()
            .flat_map(|(fetch, images)| images.iter().map(|image| (image.clone(), base_id(fetch))))
            .collect();
        steps.extend(bases.into_iter().map(|(fetch, _)| base_step(fetch)));
        steps.extend(cargo.into_iter().enumerate().map(|(index, build)| cargo_step(index, build, &written)));
        steps.extend(go.into_iter().enumerate().map(|(index, build)| go_step(index, build, &written)));
        for image in images {
            match &image.engine {
                Some(engine) => steps.extend(engine_steps(image, engine)),
                None => steps.extend(packing_steps(image, &calls, of_image.get(&image.name), missing)?),
            }
        }
    }
    for image in images {
        steps.extend(finishing_steps(image, goal));
        if goal == Goal::Dist && image.release.is_some() {
            steps.push(release_step(image, &calls, missing)?);
        }
    }
    let known: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    // A run that only verifies or tags uses an earlier build, whose steps are not part of this plan.
    steps.iter_mut().for_each(|step| step.after.retain(|id| known.contains(id)));
    Ok(steps)
}

fn base_id(fetch: &BaseFetch) -> StepId {
    id("base", &fetch.base.to_string())
}

fn base_step(fetch: BaseFetch) -> Step {
    Step {
        id: base_id(&fetch),
        after: Vec::new(),
        title: format!("fetch the base {}", fetch.base),
        action: Action::Base(fetch),
    }
}

fn write(wrapper: Wrapper) -> Step {
    let name = wrapper.path.file_name().unwrap_or("wrapper").to_owned();
    Step {
        id: id("write", &name),
        after: Vec::new(),
        title: format!("write {name}"),
        action: Action::Write(wrapper),
    }
}

fn cargo_step(index: usize, build: CargoBuild, written: &[StepId]) -> Step {
    Step {
        id: call_id(Call::Cargo(index)),
        after: written.to_vec(),
        title: compile_title("cargo", build.programs.iter().map(|program| program.artifact.0.as_str())),
        action: Action::Cargo(build),
    }
}

fn go_step(index: usize, build: GoBuild, written: &[StepId]) -> Step {
    Step {
        id: call_id(Call::Go(index)),
        after: written.to_vec(),
        title: compile_title("go", build.programs.iter().map(|(artifact, _)| artifact.0.as_str())),
        action: Action::Go(build),
    }
}

/// The number of programs that the title of a step names.
const NAMED: usize = 5;

/// Returns the title of a compile step: `compile http-api for linux/amd64, linux/arm64 (cargo)`.
fn compile_title<'a>(tool: &str, artifacts: impl Iterator<Item = &'a str>) -> String {
    let (mut programs, mut platforms) = (Vec::new(), Vec::new());
    for artifact in artifacts {
        let (program, platform) = artifact.split_once('@').unwrap_or((artifact, ""));
        let program = program.rsplit('/').next().unwrap_or(program);
        let platform = platform.split('#').next().unwrap_or(platform);
        for (list, word) in [(&mut programs, program), (&mut platforms, platform)] {
            if !list.contains(&word) {
                list.push(word);
            }
        }
    }
    let more = programs.len().saturating_sub(NAMED);
    programs.truncate(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("compile {}{more} for {} ({tool})", programs.join(", "), platforms.join(", "))
}

fn call_id(call: Call) -> StepId {
    match call {
        Call::Cargo(index) => id("compile", &format!("cargo:{index}")),
        Call::Go(index) => id("compile", &format!("go:{index}")),
    }
}

/// Packs what crossdock compiled. An image without platforms is made only for its release archives.
fn packing_steps(
    image: &ImagePlan,
    calls: &BTreeMap<ImagePlatform, Vec<Call>>,
    base: Option<&StepId>,
    missing: &[Missing],
) -> Result<Vec<Step>, PlanError> {
    let name = &image.name;
    if image.platforms.is_empty() {
        return Ok(Vec::new());
    }
    let mut steps: Vec<Step> = image
        .platforms
        .iter()
        .map(|plan| {
            let calls = calls_for(name, &plan.platform, calls, missing)?;
            // One call makes several programs of an image.
            let mut after: Vec<StepId> = calls.iter().map(|call| call_id(*call)).collect();
            after.dedup();
            after.extend(base.cloned());
            Ok(Step {
                id: layers_id(name, &plan.platform),
                after,
                title: format!("pack {name} for {}", plan.platform),
                action: Action::Layers { image: name.clone(), platform: plan.platform.clone() },
            })
        })
        .collect::<Result<_, PlanError>>()?;
    let after = steps.iter().map(|step| step.id.clone()).collect();
    steps.push(Step {
        id: id("assemble", name),
        after,
        title: format!("assemble {name}"),
        action: Action::Assemble { image: name.clone() },
    });
    Ok(steps)
}

/// Returns the calls that make the programs of an image's platform. A platform has none only if it is among what is
/// missing; a plan that silently had none would pack layers without programs.
fn calls_for<'a>(
    image: &str,
    platform: &Platform,
    calls: &'a BTreeMap<ImagePlatform, Vec<Call>>,
    missing: &[Missing],
) -> Result<&'a [Call], PlanError> {
    let is_missing = || {
        let of_image = missing.iter().filter(|missing| missing.image == image);
        of_image.map(|missing| &missing.platform).any(|one| one.as_ref().is_none_or(|one| one == platform))
    };
    match calls.get(&(image.to_owned(), platform.clone())) {
        Some(calls) => Ok(calls),
        None if is_missing() => Ok(&[]),
        None => Err(PlanError::internal(image, format!("nothing compiles its programs for {platform}"))),
    }
}

/// Runs the commands of an engine one after the other: platforms share most of their steps, which the engine caches.
fn engine_steps(image: &ImagePlan, engine: &EnginePlan) -> Vec<Step> {
    let name = &image.name;
    if image.platforms.is_empty() {
        return Vec::new();
    }
    let mut steps = vec![Step {
        id: id("render", name),
        after: Vec::new(),
        title: format!("render the Dockerfile of {name}"),
        action: Action::Render { image: name.clone() },
    }];
    for (index, call) in engine.calls.iter().enumerate() {
        steps.push(Step {
            id: id("engine", &format!("{name}:{index}")),
            after: steps.last().map(|step| step.id.clone()).into_iter().collect(),
            title: call.title.clone(),
            action: Action::Engine { image: name.clone(), call: call.clone() },
        });
    }
    // The identifier is the same as for an image that crossdock assembles: later steps do not know the builder.
    steps.push(Step {
        id: id("assemble", name),
        after: steps.last().map(|step| step.id.clone()).into_iter().collect(),
        title: format!("take {name} back from {}", engine.builder),
        action: Action::Import { image: name.clone() },
    });
    steps
}

/// Writes release archives after all programs are compiled and the image, if there is one, is verified.
fn release_step(
    image: &ImagePlan,
    calls: &BTreeMap<ImagePlatform, Vec<Call>>,
    missing: &[Missing],
) -> Result<Step, PlanError> {
    let mut after = Vec::new();
    for plan in image.platforms.iter().chain(&image.others) {
        let calls = calls_for(&image.name, &plan.platform, calls, missing)?;
        after.extend(calls.iter().map(|call| call_id(*call)));
    }
    // The programs of a rejected image are not released either.
    after.push(id("verify", &image.name));
    Ok(Step {
        id: id("pack", &image.name),
        after,
        title: format!("pack releases of {}", image.name),
        action: Action::Pack { image: image.name.clone() },
    })
}

/// Verifies, tags, archives and loads an image, as far as the goal includes them.
fn finishing_steps(image: &ImagePlan, goal: Goal) -> Vec<Step> {
    let name = &image.name;
    let step = |verb: &str, after: &str, action: Action| Step {
        id: id(verb, name),
        after: vec![id(after, name)],
        title: format!("{verb} {name}"),
        action,
    };
    let image_name = || name.clone();
    let mut steps = Vec::new();
    // `build` leaves verification to a later call, but an archive leaves this machine: it is always verified.
    if goal != Goal::Build || image.archive.is_some() || image.cluster.is_some() {
        steps.push(step("verify", "assemble", Action::Verify { image: image_name() }));
    }
    if matches!(goal, Goal::Tag | Goal::Dist) {
        steps.push(step("tag", "verify", Action::Tag { image: image_name() }));
    }
    if image.platforms.is_empty() {
        steps.clear();
    }
    if goal != Goal::Verify {
        // An archive has the tags of the image.
        let mut before = if goal == Goal::Build { "verify" } else { "tag" };
        if image.archive.is_some() {
            steps.push(step("archive", before, Action::Archive { image: image_name() }));
            before = "archive";
        }
        if image.load.is_some() || image.cluster.is_some() {
            steps.push(step("load", before, Action::Load { image: image_name() }));
        }
    }
    steps
}

fn layers_id(image: &str, platform: &Platform) -> StepId {
    id("layers", &format!("{image}@{platform}"))
}

fn id(verb: &str, object: &str) -> StepId {
    StepId(format!("{verb}:{object}"))
}

#[cfg(test)]
mod tests {
    use crossdock_system::availability::Unavailable;

    use super::*;

    #[test]
    fn a_platform_that_is_neither_compiled_nor_missing_is_an_internal_error() {
        let calls = BTreeMap::from([(("app".to_owned(), Platform::LINUX_AMD64), vec![Call::Go(0)])]);
        let missing = |platform: Option<Platform>| Missing {
            image: "app".to_owned(),
            platform,
            unavailable: Unavailable::because("there is no compiler"),
        };
        let found = |platform, missing: &[Missing]| {
            calls_for("app", &platform, &calls, missing)
                .map(<[Call]>::to_vec)
                .map_err(|error| error.to_string())
        };
        assert_eq!(found(Platform::LINUX_AMD64, &[]), Ok(vec![Call::Go(0)]));
        assert_eq!(found(Platform::LINUX_ARM64, &[missing(Some(Platform::LINUX_ARM64))]), Ok(vec![]));
        assert_eq!(found(Platform::LINUX_ARM64, &[missing(None)]), Ok(vec![]), "the whole image is missing");
        let error = found(Platform::LINUX_ARM64, &[missing(Some(Platform::LINUX_AMD64))]).unwrap_err();
        insta::assert_snapshot!(error, @"internal error: image `app`: nothing compiles its programs for linux/arm64; please report it");
    }
}
