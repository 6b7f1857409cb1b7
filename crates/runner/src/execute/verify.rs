//! Verifies an image before it is tagged.

use std::collections::BTreeMap;

use crossdock_oci::{Descriptor, Digest, ImageSource, Layout, LayoutError, SourceError, SourceImage};
use crossdock_platform::{Architecture, Platform};
use crossdock_subjects::{Options, Planned, own_target, parse_platform, verify};
use crossdock_verify::{
    CompiledC, CpuLevel, Expectation, Language, Linkage, Severity, Target, Verdict, Verification,
};

use super::compiler_level::{amd64, compiler_level};
use super::error::{image_error, not_built};
use super::observer::{Outcome, Reporter};
use super::verdicts::Place;
use super::{ExecuteError, StepContext, Unproven, lock};
use crate::plan::{Action, CompilerFlag, Expected, ImagePlan, PlatformPlan, ProgramPlan, Step};
use crate::report::{ImageReport, PlatformReport};

impl StepContext<'_> {
    pub(super) fn verify(
        &self,
        image: &ImagePlan,
        step: &Step,
        reporter: &Reporter<'_>,
    ) -> Result<Outcome, ExecuteError> {
        let layout = match Layout::open(image.layout.as_std_path()) {
            Err(LayoutError::NotALayout { .. } | LayoutError::UnknownVersion { .. }) => {
                return Err(not_built(image));
            }
            layout => layout.map_err(image_error(image))?,
        };
        let index = self.index_descriptor(image, &layout)?;
        let source = ImageSource::of_layout(&layout, &index).map_err(image_error(image))?;
        let found = source.images().first().ok_or_else(|| not_built(image))?;
        let (targets, planned) = (targets(image, found), expectations(image));
        let options =
            Options::new(&targets, &self.temporary).with_planned(&planned).with_scope(self.policy.scope);
        let subject = format!("{}@{}", image.repository, index.digest);
        // A command that only verifies always reads.
        let store = self.verdicts.as_ref().filter(|_| self.assembles(image));
        let place = store.map(|store| store.place(&subject, &layout, found, &options));
        let verdicts = match place.as_ref().and_then(Place::recall) {
            Some(verdicts) => verdicts,
            None => {
                let stamps = place.as_ref().and_then(Place::stamps);
                let verdicts = verify(&subject, &source, found, &options);
                let verdicts = verdicts.inspect_err(|error| self.forget_damaged_layers(error, found));
                let verdicts = verdicts.map_err(image_error(image))?;
                if let Some(place) = &place {
                    place.remember(stamps, &verdicts);
                }
                verdicts
            }
        };
        let verdict = Verdict::gravest(&verdicts);
        let is_refused = verdict == Verdict::Fails
            || verdict == Verdict::Unproven && self.policy.unproven == Unproven::Refuse;
        let has_successors = self.plan.steps.iter().any(|other| other.after.contains(&step.id));
        let refusal = (is_refused && has_successors).then(|| refusal(image, &verdicts));
        // Only here, where the image is tagged in spite of its findings; elsewhere the report has them.
        if has_successors && !is_refused {
            warn(image, &verdicts, reporter);
        }
        lock(&self.state)
            .images
            .entry(image.name.clone())
            .or_insert_with(|| found_before(image, &index, &source))
            .verdicts = verdicts;
        match refusal {
            Some(refusal) => Err(refusal),
            // A run that only verifies succeeds with any verdict: its report holds all findings.
            None if is_refused => Ok(Outcome::Refused(verdict.to_string())),
            None => Ok(Outcome::Succeeded(verdict.to_string())),
        }
    }

    /// Returns whether this run assembles the image.
    fn assembles(&self, image: &ImagePlan) -> bool {
        let assembles =
            |step: &Step| matches!(&step.action, Action::Assemble { image: name } if *name == image.name);
        self.plan.steps.iter().any(assembles)
    }

    /// Removes the layers of an image from the cache if one of them is not what its configuration says: they may have come
    /// from there, and every further run would take them again.
    fn forget_damaged_layers(&self, error: &SourceError, image: &SourceImage) {
        if matches!(error, SourceError::Root(root) if !root.is_about_temporary_files()) {
            let layers = image.platforms.iter().flat_map(|found| &found.manifest.value.layers);
            let blobs: Vec<Digest> = layers.map(|layer| layer.digest).collect();
            // The image's own error says more than this one.
            let _left_in_the_cache = self.cache.forget(&blobs);
        }
    }
}

/// Returns the plan's targets, and a target for each platform of the image that none of them names: the image may hold
/// more than this run built, and its tags would point at all of it.
fn targets(image: &ImagePlan, found: &SourceImage) -> Vec<Target> {
    let mut targets: Vec<Target> = image.targets.iter().map(crate::plan::Target::for_verification).collect();
    for platform in found.platforms.iter().filter_map(|found| own_target(found.platform())) {
        if !targets.iter().any(|target| target.platform() == platform.platform()) {
            targets.push(platform);
        }
    }
    targets
}

fn refusal(image: &ImagePlan, verdicts: &[Verification]) -> ExecuteError {
    let targets = |verdict: Verdict| {
        let with_verdict = verdicts.iter().filter(|target| target.verdict() == verdict);
        with_verdict.map(|target| target.target.clone()).collect()
    };
    ExecuteError::Refused {
        image: image.name.clone(),
        fails_on: targets(Verdict::Fails),
        unproven_on: targets(Verdict::Unproven),
    }
}

/// Sends the findings of an image that is tagged in spite of them.
fn warn(image: &ImagePlan, verdicts: &[Verification], reporter: &Reporter<'_>) {
    for target in verdicts {
        for finding in target.findings.iter().filter(|finding| finding.severity != Severity::Note) {
            reporter.warn(format!(
                "{} on {}: {} [{}]\n  help: {}",
                image.name, target.target, finding.message, finding.code, finding.help
            ));
        }
    }
}

/// Returns the report of an image that an earlier run built.
fn found_before(image: &ImagePlan, index: &Descriptor, source: &ImageSource) -> ImageReport {
    let platforms = source.images().iter().flat_map(|image| &image.platforms).filter_map(|found| {
        let platform = parse_platform(found.platform())?;
        let manifest = &found.manifest.value;
        let size = manifest.layers.iter().map(|layer| layer.size).sum::<u64>() + manifest.config.size;
        Some(PlatformReport { platform, digest: found.descriptor.digest, size })
    });
    ImageReport::new(image, index.digest, platforms.collect())
}

/// Returns what the plan expects of the programs of each platform.
fn expectations(image: &ImagePlan) -> Planned {
    let programs = |plan: &PlatformPlan| -> BTreeMap<String, Expectation> {
        plan.programs.iter().map(|program| (program.path.clone(), expectation(plan, program))).collect()
    };
    image.platforms.iter().map(|plan| (plan.platform.clone(), programs(plan))).collect()
}

/// Returns what the plan expects of a program.
pub(super) fn expectation(plan: &PlatformPlan, program: &ProgramPlan) -> Expectation {
    let (linkage, language, flags) = match &program.expected {
        Expected::Rust { r#static, cpu, compiler_flags } => {
            let linkage = if *r#static { Linkage::Static } else { Linkage::Dynamic };
            let language = Language::Rust { level: level(&plan.platform, cpu.as_deref()) };
            (Some(linkage), language, compiler_flags)
        }
        Expected::Go { settings, version, compiler_flags } => {
            let language = Language::Go { settings: settings.clone(), version: version.clone() };
            (None, language, compiler_flags)
        }
    };
    let compiled = |CompilerFlag { flag, place }: &CompilerFlag| {
        CompiledC::new(compiler_level(&plan.platform, flag), flag.as_str(), place.as_str())
    };
    let expectation = Expectation::new(plan.platform.clone())
        .with_language(language)
        .with_c_code(flags.iter().map(compiled).collect());
    match linkage {
        Some(linkage) => expectation.with_linkage(linkage),
        None => expectation,
    }
}

/// Returns the level that a `target-cpu` of rustc means. The levels of amd64 mean nothing for another processor.
fn level(platform: &Platform, cpu: Option<&str>) -> CpuLevel {
    match cpu {
        None | Some("generic") => CpuLevel::Baseline,
        Some(cpu) => {
            let level = (platform.architecture() == Architecture::Amd64).then(|| amd64(cpu)).flatten();
            level.unwrap_or_else(|| CpuLevel::Unknown(cpu.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_amd64_are_unknown_on_other_processors() {
        let level = |platform, cpu| level(&Platform::parse(platform).unwrap(), Some(cpu));
        assert_eq!(level("linux/amd64", "x86-64"), CpuLevel::Baseline);
        assert_eq!(level("linux/amd64", "x86-64-v3"), CpuLevel::Level("v3".to_owned()));
        for cpu in ["x86-64", "x86-64-v3"] {
            assert_eq!(level("linux/arm64", cpu), CpuLevel::Unknown(cpu.to_owned()));
        }
        assert_eq!(level("linux/arm64", "generic"), CpuLevel::Baseline);
    }
}
