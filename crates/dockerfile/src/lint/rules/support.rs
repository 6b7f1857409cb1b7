//! Base images without updates.

use crate::lint::Options;
use crate::lint::finding::{Finding, codes};
use crate::lint::model::Model;

/// Base images of releases whose support has ended.
pub(in crate::lint) fn end_of_life_base(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let Some(today) = options.today else { return Vec::new() };
    let roots = model.stages.iter().filter(|stage| stage.stage.parent.is_none());
    let ended = roots.filter_map(|stage| {
        stage.image.release.filter(|release| release.end < today).map(|release| (stage, release))
    });
    let finding = |(stage, release): (&crate::lint::model::StageModel<'_>, &crate::lint::images::Release)| {
        let base = stage.stage.base;
        let better = release.replaced_in(base);
        let end = release.end;
        let message = format!(
            "{} {} has had no updates since {}-{:02}-{:02}: take {better}",
            release.distribution, release.version, end.year, end.month, end.day
        );
        let corrected = model.source.replaced(stage.line(), base, &better, &better);
        Finding::new(codes::END_OF_LIFE_BASE, stage.line(), message, corrected)
    };
    ended.map(finding).collect()
}
