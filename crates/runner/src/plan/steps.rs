//! Puts what was decided into an order that runs.

use std::collections::BTreeMap;

use crossdock_platform::Platform;

use super::request::Goal;
use super::{Action, CargoBuild, EnginePlan, GoBuild, ImagePlan, Step, StepId};
use crossdock_toolchain::choice::Wrapper;

/// What compiles, and which call makes which image's programs.
pub(super) struct Compiled {
    pub(super) wrappers: Vec<Wrapper>,
    pub(super) cargo: Vec<CargoBuild>,
    pub(super) go: Vec<GoBuild>,
    pub(super) made_by: BTreeMap<(String, Platform), Vec<Call>>,
}

/// A call by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Cargo(usize),
    Go(usize),
}

/// The steps of a plan, in an order that respects what each needs.
pub(super) fn steps(goal: Goal, images: &[ImagePlan], compiled: Compiled) -> Vec<Step> {
    let mut steps = Vec::new();
    let made_by = compiled.made_by;
    if matches!(goal, Goal::Build | Goal::Dist) {
        let wrappers = compiled.wrappers.into_iter().map(write).collect::<Vec<_>>();
        let written: Vec<StepId> = wrappers.iter().map(|step| step.id.clone()).collect();
        steps.extend(wrappers);
        steps.extend(
            compiled.cargo.into_iter().enumerate().map(|(place, build)| cargo(place, build, &written)),
        );
        steps.extend(compiled.go.into_iter().enumerate().map(|(place, build)| go(place, build, &written)));
        images.iter().for_each(|image| match &image.engine {
            Some(engine) => steps.extend(engine_built(image, engine)),
            None => steps.extend(packed(image, &made_by)),
        });
    }
    for image in images {
        steps.extend(judged(image, goal));
        if goal == Goal::Dist && image.release.is_some() {
            steps.push(released(image, &made_by));
        }
    }
    let known: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    // A run that only verifies or tags finds what earlier runs built: nothing of this one comes before.
    steps.iter_mut().for_each(|step| step.after.retain(|id| known.contains(id)));
    steps
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

fn cargo(place: usize, build: CargoBuild, written: &[StepId]) -> Step {
    Step {
        id: call_id(Call::Cargo(place)),
        after: written.to_vec(),
        title: compile_title("cargo", build.programs.iter().map(|program| program.artifact.0.as_str())),
        action: Action::Cargo(build),
    }
}

fn go(place: usize, build: GoBuild, written: &[StepId]) -> Step {
    Step {
        id: call_id(Call::Go(place)),
        after: written.to_vec(),
        title: compile_title("go", build.programs.iter().map(|(artifact, _)| artifact.0.as_str())),
        action: Action::Go(build),
    }
}

/// `compile http-api for linux/amd64, linux/arm64 (cargo)`.
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
    format!("compile {} for {} ({tool})", programs.join(", "), platforms.join(", "))
}

fn call_id(call: Call) -> StepId {
    match call {
        Call::Cargo(place) => id("compile", &format!("cargo:{place}")),
        Call::Go(place) => id("compile", &format!("go:{place}")),
    }
}

fn packed(image: &ImagePlan, made_by: &BTreeMap<(String, Platform), Vec<Call>>) -> Vec<Step> {
    let name = &image.name;
    if image.platforms.is_empty() {
        return Vec::new();
    }
    let mut steps: Vec<Step> = image
        .platforms
        .iter()
        .map(|plan| {
            let calls =
                made_by.get(&(name.clone(), plan.platform.clone())).map(Vec::as_slice).unwrap_or_default();
            let mut after: Vec<StepId> = calls.iter().map(|call| call_id(*call)).collect();
            after.dedup();
            Step {
                id: layers_id(name, &plan.platform),
                after,
                title: format!("pack {name} for {}", plan.platform),
                action: Action::Layers { image: name.clone(), platform: plan.platform.clone() },
            }
        })
        .collect();
    let after = steps.iter().map(|step| step.id.clone()).collect();
    steps.push(Step {
        id: id("assemble", name),
        after,
        title: format!("assemble {name}"),
        action: Action::Assemble { image: name.clone() },
    });
    steps
}

/// What an engine builds, one command after the other: platforms share most of what they need, and an engine keeps it.
fn engine_built(image: &ImagePlan, engine: &EnginePlan) -> Vec<Step> {
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
    for (place, call) in engine.calls.iter().enumerate() {
        steps.push(Step {
            id: id("engine", &format!("{name}:{place}")),
            after: steps.last().map(|step| step.id.clone()).into_iter().collect(),
            title: call.title.clone(),
            action: Action::Engine { image: name.clone(), call: call.clone() },
        });
    }
    // It stands where crossdock's own images are assembled: what follows does not know who built.
    steps.push(Step {
        id: id("assemble", name),
        after: steps.last().map(|step| step.id.clone()).into_iter().collect(),
        title: format!("take {name} back from {}", engine.builder),
        action: Action::Import { image: name.clone() },
    });
    steps
}

/// Release archives are written once every program is there and the image, if there is one, was judged.
fn released(image: &ImagePlan, made_by: &BTreeMap<(String, Platform), Vec<Call>>) -> Step {
    let platforms = image.platforms.iter().chain(&image.others);
    let calls = platforms.filter_map(|plan| made_by.get(&(image.name.clone(), plan.platform.clone())));
    let mut after: Vec<StepId> = calls.flatten().map(|call| call_id(*call)).collect();
    after.push(id("verify", &image.name));
    Step {
        id: id("pack", &image.name),
        after,
        title: format!("pack releases of {}", image.name),
        action: Action::Pack { image: image.name.clone() },
    }
}

fn judged(image: &ImagePlan, goal: Goal) -> Vec<Step> {
    let name = &image.name;
    let step = |verb: &str, after: &str, action: Action| Step {
        id: id(verb, name),
        after: vec![id(after, name)],
        title: format!("{verb} {name}"),
        action,
    };
    let image_name = || name.clone();
    let mut steps = Vec::new();
    if goal != Goal::Build || image.archive.is_some() {
        steps.push(step("verify", "assemble", Action::Verify { image: image_name() }));
    }
    if matches!(goal, Goal::Tag | Goal::Dist) {
        steps.push(step("tag", "verify", Action::Tag { image: image_name() }));
    }
    if image.platforms.is_empty() {
        steps.clear();
    }
    if image.archive.is_some() && goal != Goal::Verify {
        let before = if goal == Goal::Build { "verify" } else { "tag" };
        steps.push(step("archive", before, Action::Archive { image: image_name() }));
        if image.load.is_some() {
            steps.push(step("load", "archive", Action::Load { image: image_name() }));
        }
    }
    steps
}

fn layers_id(image: &str, platform: &Platform) -> StepId {
    id("layers", &format!("{image}@{platform}"))
}

fn id(verb: &str, what: &str) -> StepId {
    StepId(format!("{verb}:{what}"))
}
