//! Base images without updates.

use crate::lint::Options;
use crate::lint::ended::{Ended, ended};
use crate::lint::finding::{Finding, codes};
use crate::lint::images::Date;
use crate::lint::model::{Model, StageModel};
use crate::lint::releases::Release;

/// Base images of releases whose support has ended.
pub(in crate::lint) fn end_of_life_base(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let Some(today) = options.today else { return Vec::new() };
    let roots = model.stages.iter().filter(|stage| stage.stage.parent.is_none());
    roots
        .filter_map(|stage| {
            // A newer release of the system below would still hold the version that has ended.
            let reference = stage.stage.image.as_deref().unwrap_or(stage.stage.base);
            if let Some(version) = ended(reference, today) {
                return Some(of_version(stage, &version));
            }
            let release = stage.image.release.filter(|one| one.end < today)?;
            Some(finding(model, stage, release, today))
        })
        .collect()
}

fn of_version(stage: &StageModel<'_>, version: &Ended) -> Finding {
    let message = format!(
        "{} has had no updates since {} at the latest: take a version with support",
        version.what,
        shown(version.end)
    );
    Finding::new(codes::END_OF_LIFE_BASE, stage.line(), message, None)
}

fn shown(date: Date) -> String {
    format!("{}-{:02}-{:02}", date.year, date.month, date.day)
}

fn finding(model: &Model<'_>, stage: &StageModel<'_>, release: &Release, today: Date) -> Finding {
    let base = stage.stage.base;
    let better = release.renewed(base, today);
    let advice = match &better {
        Some(better) => format!("take {better}"),
        None => {
            "take an image that is made from a release with support, and with it perhaps a newer version of what it holds"
                .to_owned()
        }
    };
    let message = format!(
        "{} {} has had no updates since {}: {advice}",
        release.distribution,
        release.version,
        shown(release.end)
    );
    let corrected = better.and_then(|better| model.source.replaced(stage.line(), base, &better));
    Finding::new(codes::END_OF_LIFE_BASE, stage.line(), message, corrected)
}
