//! Base images without updates.

use crate::lint::Options;
use crate::lint::finding::{Finding, codes};
use crate::lint::images::Date;
use crate::lint::model::{Model, StageModel};
use crate::lint::releases::Release;

/// Base images of releases whose support has ended.
pub(in crate::lint) fn end_of_life_base(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let Some(today) = options.today else { return Vec::new() };
    let roots = model.stages.iter().filter(|stage| stage.stage.parent.is_none());
    let ended = roots.filter_map(|stage| {
        stage.image.release.filter(|one| one.end < today).map(|release| (stage, release))
    });
    ended.map(|(stage, release)| finding(model, stage, release, today)).collect()
}

fn finding(model: &Model<'_>, stage: &StageModel<'_>, release: &Release, today: Date) -> Finding {
    let base = stage.stage.base;
    let better = release.renewed(base, today);
    let end = release.end;
    let advice = match &better {
        Some(better) => format!("take {better}"),
        None => {
            "take an image that is made from a release with support, and with it perhaps a newer version of what it holds"
                .to_owned()
        }
    };
    let message = format!(
        "{} {} has had no updates since {}-{:02}-{:02}: {advice}",
        release.distribution, release.version, end.year, end.month, end.day
    );
    let corrected = better.and_then(|better| model.source.replaced(stage.line(), base, &better));
    Finding::new(codes::END_OF_LIFE_BASE, stage.line(), message, corrected)
}
