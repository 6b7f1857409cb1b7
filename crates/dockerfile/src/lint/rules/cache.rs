//! Cargo's cache mounts under builds that run at the same time.

use crate::lint::Options;
use crate::lint::compile::uses_the_target;
use crate::lint::finding::{Finding, codes};
use crate::lint::images::Language;
use crate::lint::model::{Model, StageModel};
use crate::read::{Flag, Instruction, Keyword};

/// Mounts of parts of CARGO_HOME, and of a target folder, that two builds write at once.
pub(in crate::lint) fn cargo_cache_race(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let rust = model.stages.iter().filter(|stage| {
        stage.image.language == Some(Language::Rust)
            || stage.compiles.iter().any(|one| one.language == Language::Rust)
    });
    rust.flat_map(|stage| in_stage(model, stage)).collect()
}

fn in_stage(model: &Model<'_>, stage: &StageModel<'_>) -> Vec<Finding> {
    let runs = stage.stage.instructions.iter().filter(|instruction| instruction.keyword == Keyword::Run);
    let mounts =
        runs.flat_map(|run| run.flags.iter().filter(|flag| flag.name == "mount").map(|flag| (*run, flag)));
    mounts.filter_map(|(run, mount)| race(model, run, mount)).collect()
}

fn race(model: &Model<'_>, run: &Instruction, mount: &Flag) -> Option<Finding> {
    let kind = mount.key("type")?;
    let target = mount.key("target").or_else(|| mount.key("dst")).or_else(|| mount.key("destination"))?;
    let sharing = mount.key("sharing").unwrap_or("shared");
    if kind != "cache" || sharing != "shared" {
        return None;
    }
    let target = target.trim_end_matches('/');
    let part_of_home =
        ["/registry", "/git", "/registry/cache", "/registry/index", "/git/db"].iter().any(|part| {
            target.strip_suffix(part).is_some_and(|home| home.contains("cargo") || home.contains("CARGO"))
        });
    let build_folder = target.rsplit('/').next() == Some("target");
    let keyed = uses_the_target(target) || mount.key("id").is_some_and(uses_the_target);
    let message = match (part_of_home, build_folder) {
        (true, _) => format!(
            "two builds at once write {target}, because cargo's lock lies beside it in CARGO_HOME: mount CARGO_HOME whole \
             in another folder, or lock the mount"
        ),
        (_, true) if !keyed => format!(
            "two builds at once share {target}: lock it, and give each platform its own with an id that has \
             $TARGETPLATFORM"
        ),
        _ => return None,
    };
    let line = (run.lines.first..=run.lines.last)
        .find(|number| model.source.line(*number).contains(target))
        .unwrap_or(run.lines.first);
    let corrected = corrected(model, run, mount, (line, part_of_home));
    Some(Finding::new(codes::CARGO_CACHE_RACE, line, message, corrected))
}

/// The line with the mount locked, and with one for each platform where the `ARG` that tells it can stand before.
fn corrected(
    model: &Model<'_>,
    run: &Instruction,
    mount: &Flag,
    (line, part_of_home): (usize, bool),
) -> Option<String> {
    let value = mount.value.as_deref()?;
    let keyed = !part_of_home && line == run.lines.first;
    let dropped: &[&str] = if keyed { &["sharing", "id"] } else { &["sharing"] };
    let kept = value.split(',').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default().trim();
        !dropped.iter().any(|dropped| name.eq_ignore_ascii_case(dropped))
    });
    let id = keyed.then_some("id=target-$TARGETPLATFORM");
    let locked = kept.chain(id).chain(["sharing=locked"]).collect::<Vec<_>>().join(",");
    let corrected = model.source.replaced(line, value, &locked)?;
    Some(if keyed { format!("ARG TARGETPLATFORM\n{corrected}") } else { corrected })
}
