//! Verifies what was assembled, before anything is tagged.

use std::collections::BTreeMap;

use crossdock_oci::{Descriptor, ImageSource, Layout, SourceImage};
use crossdock_platform::Platform;
use crossdock_verify::{CpuLevel, Expectation, Language, Linkage, Severity, Target, Verdict, Verification};

use super::image::about;
use super::report_lines::Reporter;
use super::schedule::Outcome;
use super::{ExecuteError, StepContext, Unproven, lock};
use crate::plan::{Expected, ImagePlan, PlatformPlan, ProgramPlan, Step};
use crate::report::{ImageReport, PlatformReport};
use crossdock_subjects::{Options, Planned, own_target, parse_platform, verify};

impl StepContext<'_> {
    pub(super) fn verify(
        &self,
        image: &ImagePlan,
        step: &Step,
        reporter: &Reporter<'_>,
    ) -> Result<Outcome, ExecuteError> {
        let layout = Layout::open(image.layout.as_std_path()).map_err(|_| not_built(image))?;
        let index = self.index_descriptor(image, &layout)?;
        let source = ImageSource::of_layout(&layout, &index).map_err(about(image))?;
        let found = source.images().first().ok_or_else(|| not_built(image))?;
        let (targets, planned) = (targets(image, found), planned(image));
        let options =
            Options::new(&targets, &self.temporary).with_planned(&planned).with_scope(self.judging.scope);
        let subject = format!("{}@{}", image.repository, index.digest);
        let verdicts = verify(&subject, &source, found, &options).map_err(about(image))?;
        let verdict = verdicts.iter().map(Verification::verdict).max().unwrap_or(Verdict::Unproven);
        let mut state = lock(&self.state);
        let report =
            state.images.entry(image.name.clone()).or_insert_with(|| found_before(image, &index, &source));
        report.verdicts.clone_from(&verdicts);
        let report = report.clone();
        drop(state);
        let refused = verdict == Verdict::Fails
            || verdict == Verdict::Unproven && self.judging.unproven == Unproven::Refused;
        let decides = self.plan.steps.iter().any(|other| other.after.contains(&step.id));
        match (refused, decides) {
            (true, true) => return Err(ExecuteError::Refused(Box::new(report))),
            // Who asked for nothing but the verdict gets it whole, with all that was found.
            (_, false) => {}
            (false, true) => warn(image, &verdicts, reporter),
        }
        Ok(if refused { Outcome::No(verdict.to_string()) } else { Outcome::Yes(verdict.to_string()) })
    }
}

/// The plan's targets, and every platform of the image that none of them stands for: the image may hold more than this
/// call asked for, and its tags would point at all of it.
fn targets(image: &ImagePlan, found: &SourceImage) -> Vec<Target> {
    let mut targets: Vec<Target> = image.targets.iter().map(crate::plan::Target::for_verification).collect();
    for platform in found.platforms.iter().filter_map(|found| own_target(found.platform())) {
        if !targets.iter().any(|target| target.platform() == platform.platform()) {
            targets.push(platform);
        }
    }
    targets
}

/// What deserves a look although the image is tagged.
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

fn not_built(image: &ImagePlan) -> ExecuteError {
    ExecuteError::NotBuilt { image: image.name.clone(), layout: image.layout.clone() }
}

/// An image of an earlier run.
fn found_before(image: &ImagePlan, index: &Descriptor, source: &ImageSource) -> ImageReport {
    let platforms = source.images().iter().flat_map(|image| &image.platforms).filter_map(|found| {
        let platform = parse_platform(found.platform())?;
        let manifest = &found.manifest.value;
        let size = manifest.layers.iter().map(|layer| layer.size).sum::<u64>() + manifest.config.size;
        Some(PlatformReport { platform, digest: found.descriptor.digest, size })
    });
    ImageReport::new(image, index.digest, platforms.collect())
}

/// What the plan says of each platform's programs.
fn planned(image: &ImagePlan) -> Planned {
    let programs = |plan: &PlatformPlan| -> BTreeMap<String, Expectation> {
        plan.programs.iter().map(|program| (program.path.clone(), expectation(plan, program))).collect()
    };
    image.platforms.iter().map(|plan| (plan.platform.clone(), programs(plan))).collect()
}

pub(super) fn expectation(plan: &PlatformPlan, program: &ProgramPlan) -> Expectation {
    let (linkage, language) = match &program.expected {
        Expected::Rust { r#static, cpu, .. } => {
            let linkage = if *r#static { Linkage::Static } else { Linkage::Dynamic };
            (Some(linkage), Language::Rust { level: level(&plan.platform, cpu.as_deref()) })
        }
        Expected::Go { settings } => (None, Language::Go { settings: settings.clone() }),
    };
    let expectation = Expectation::new(plan.platform.clone()).with_language(language);
    match linkage {
        Some(linkage) => expectation.with_linkage(linkage),
        None => expectation,
    }
}

/// The level that a `target-cpu` of rustc stands for; one of amd64 says nothing of a program for another processor.
fn level(platform: &Platform, cpu: Option<&str>) -> CpuLevel {
    let amd64 = || platform.architecture().as_str() == "amd64";
    match cpu {
        None | Some("generic") => CpuLevel::Baseline,
        Some("x86-64") if amd64() => CpuLevel::Baseline,
        Some(cpu) => match cpu.strip_prefix("x86-64-").filter(|_| amd64()) {
            Some(level) => CpuLevel::Level(level.to_owned()),
            None => CpuLevel::Unknown(cpu.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_of_amd64_is_none_of_another_processor() {
        let level = |platform, cpu| level(&Platform::parse(platform).unwrap(), Some(cpu));
        assert_eq!(level("linux/amd64", "x86-64"), CpuLevel::Baseline);
        assert_eq!(level("linux/amd64", "x86-64-v3"), CpuLevel::Level("v3".to_owned()));
        for cpu in ["x86-64", "x86-64-v3"] {
            assert_eq!(level("linux/arm64", cpu), CpuLevel::Unknown(cpu.to_owned()));
        }
        assert_eq!(level("linux/arm64", "generic"), CpuLevel::Baseline);
    }
}
