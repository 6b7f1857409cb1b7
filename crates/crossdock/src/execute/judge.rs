//! Judges what was assembled, before anything is tagged.

use std::collections::BTreeMap;

use crossdock_oci::{Descriptor, ImageSource, Layout, SourceImage};
use crossdock_verify::{CpuLevel, Expectation, Language, Linkage, Severity, Verdict};

use super::image::about;
use super::report_lines::Reporter;
use super::{ExecuteError, StepContext, Unproven, lock};
use crate::judge::{Planned, judge, known, of_itself};
use crate::plan::{Expected, ImagePlan, PlatformPlan, ProgramPlan, Step, Target};
use crate::report::{ImageReport, PlatformReport, TargetReport};

impl StepContext<'_> {
    pub(super) fn verify(
        &self,
        image: &ImagePlan,
        step: &Step,
        reporter: &Reporter<'_>,
    ) -> Result<String, ExecuteError> {
        let layout = Layout::open(image.layout.as_std_path()).map_err(|_| not_built(image))?;
        let index = self.index_descriptor(image, &layout)?;
        let source = ImageSource::of_layout(&layout, &index).map_err(about(image))?;
        let found = source.images().first().ok_or_else(|| not_built(image))?;
        let verdicts = judge(&source, found, &targets(image, found), &planned(image), self.judging.scope)
            .map_err(about(image))?;
        let verdict = verdicts.iter().map(|target| target.verdict).max().unwrap_or(Verdict::Unproven);
        let mut state = lock(&self.state);
        let report =
            state.images.entry(image.name.clone()).or_insert_with(|| found_before(image, &index, &source));
        report.verdicts.clone_from(&verdicts);
        let report = report.clone();
        drop(state);
        let refused = verdict == Verdict::Fails
            || verdict == Verdict::Unproven && self.judging.unproven == Unproven::Refused;
        let decides = self.plan.steps.iter().any(|other| other.after.contains(&step.id));
        if refused && decides {
            return Err(ExecuteError::Refused(Box::new(report)));
        }
        warn(image, &verdicts, reporter);
        Ok(verdict.to_string())
    }
}

/// The plan's targets, and every platform of the image that none of them stands for: the image may hold more than this
/// call asked for, and its tags would point at all of it.
fn targets(image: &ImagePlan, found: &SourceImage) -> Vec<Target> {
    let mut targets = image.targets.clone();
    for platform in found.platforms.iter().filter_map(|found| of_itself(found.platform())) {
        if !targets.iter().any(|target| target.platform == platform.platform) {
            targets.push(platform);
        }
    }
    targets
}

/// What deserves a look although the image is tagged.
fn warn(image: &ImagePlan, verdicts: &[TargetReport], reporter: &Reporter<'_>) {
    for target in verdicts {
        for finding in target.findings.iter().filter(|finding| finding.severity != Severity::Note) {
            reporter.warn(format!(
                "{} on {}: {} [{}]\n  help: {}",
                image.name, target.for_, finding.message, finding.code, finding.help
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
        let platform = known(found.platform())?;
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
            (linkage, Language::Rust { level: level(cpu.as_deref()) })
        }
        Expected::Go { settings } => (Linkage::Any, Language::Go { settings: settings.clone() }),
    };
    Expectation::new(plan.platform.clone()).with_linkage(linkage).with_language(language)
}

/// The level that a `target-cpu` of rustc stands for.
fn level(cpu: Option<&str>) -> CpuLevel {
    match cpu {
        None | Some("generic" | "x86-64") => CpuLevel::Baseline,
        Some(cpu) => match cpu.strip_prefix("x86-64-") {
            Some(level) => CpuLevel::Level(level.to_owned()),
            None => CpuLevel::Unknown(cpu.to_owned()),
        },
    }
}
