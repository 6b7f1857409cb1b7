//! Values that hide the platform which the engine sets.

use crate::lint::Options;
use crate::lint::finding::{Finding, Severity, codes};
use crate::lint::model::{Model, PlatformChoice};
use crate::read::{Instruction, Keyword, variables};

/// `ARG TARGETARCH=amd64`: with BuildKit, its value and not the image's architecture is what the stage sees.
pub(in crate::lint) fn masked_target(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for shipped in model.shipped.iter().copied() {
        let image = &model.stages[shipped].platform;
        if matches!(image, PlatformChoice::Constant(_) | PlatformChoice::Unknown) {
            continue;
        }
        let hands_out = model.hands_out(shipped);
        for stage in model.sources_of(shipped).into_iter().chain(model.chain(shipped)) {
            findings.extend(in_stage(model, stage).map(|finding| match hands_out {
                true => finding.with_severity(Severity::Warning),
                false => finding,
            }));
        }
    }
    findings
}

fn in_stage(model: &Model<'_>, stage: usize) -> Option<Finding> {
    let instructions = &model.stages[stage].stage.instructions;
    let globals = model.file.instructions().take_while(|one| one.keyword != Keyword::From);
    let declares = |one: &&Instruction| one.keyword == Keyword::Arg && names_it(one, "TARGETARCH");
    let own = instructions.iter().copied().rfind(declares)?;
    let arg = if gives(own).is_some() { own } else { globals.filter(declares).last()? };
    let value = gives(arg)?;
    let uses = |one: &&Instruction| {
        one.lines.first > own.lines.first
            && matches!(one.keyword, Keyword::Run | Keyword::Env | Keyword::Copy | Keyword::Add)
            && variables(one.text()).iter().any(|(_, name)| *name == "TARGETARCH")
    };
    instructions.iter().copied().find(uses)?;
    let message = format!(
        "the value {value} hides the architecture that the engine sets: the stage of line {} always sees {value}, and the \
         image is labelled with the architecture that it is built for (`exec format error` on all others); declare it \
         without a value",
        model.stages[stage].line(),
    );
    let line = (arg.lines.first..=arg.lines.last)
        .find(|number| model.source.line(*number).contains("TARGETARCH="))
        .unwrap_or(arg.lines.first);
    let corrected = model.source.replaced(line, &format!("TARGETARCH={value}"), "TARGETARCH");
    Some(Finding::new(codes::CONSTANT_ARCHITECTURE, line, message, corrected))
}

fn names_it(arg: &Instruction, name: &str) -> bool {
    arg.arguments.words().iter().any(|word| word.split('=').next() == Some(name))
}

/// The constant value that an `ARG` gives the image's architecture.
fn gives(arg: &Instruction) -> Option<&str> {
    let mut words = arg.arguments.words().iter();
    let value = words.find_map(|word| word.strip_prefix("TARGETARCH="))?;
    (!value.is_empty() && !value.contains('$')).then_some(value)
}
