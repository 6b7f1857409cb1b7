//! What can be seen without following the program.

use std::collections::BTreeSet;

use crate::lint::Options;
use crate::lint::compile::Links;
use crate::lint::finding::{Finding, codes};
use crate::lint::model::Model;
use crate::lint::shell::commands;
use crate::read::{Arguments, Instruction, Keyword, refused};

/// Instructions that there are not.
pub(in crate::lint) fn unknown_instruction(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let unknown = model.file.instructions().filter_map(|instruction| match &instruction.keyword {
        Keyword::Unknown(name) => Some((instruction, name)),
        _ => None,
    });
    let finding = |(instruction, name): (&Instruction, &String)| {
        let line = instruction.lines.first;
        let upper = name.to_ascii_uppercase();
        let known =
            Keyword::ALL.iter().map(|known| (strsim::jaro_winkler(known.as_str(), &upper), known.as_str()));
        let nearest = known.max_by(|left, right| left.0.total_cmp(&right.0)).filter(|(near, _)| *near > 0.75);
        let shown: String = name.chars().take(40).collect();
        let (message, corrected) = match nearest {
            Some((_, nearest)) => (
                format!("`{shown}` is no instruction; the nearest one is {nearest}"),
                model.source.replaced(line, name, nearest),
            ),
            None => (
                format!(
                    "`{shown}` is no instruction; a comment begins with #, and a line that goes on ends in \\"
                ),
                None,
            ),
        };
        Finding::new(codes::UNKNOWN_INSTRUCTION, line, message, corrected)
    };
    unknown.map(finding).collect()
}

/// Instructions that BuildKit refuses.
pub(in crate::lint) fn refused_instruction(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let errors = refused(model.file).into_iter();
    errors.map(|error| Finding::new(codes::UNREADABLE, error.line, error.problem.to_string(), None)).collect()
}

/// Instructions of no stage, and a file without one. Only `ARG` stands before the first `FROM`.
pub(in crate::lint) fn outside_of_stages(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut instructions = model.file.instructions();
    let Some(first) = instructions.find(|instruction| instruction.keyword != Keyword::Arg) else {
        return vec![without_stage()];
    };
    match &first.keyword {
        // A slip of the pen in the first word is another finding, which says what was meant.
        Keyword::From | Keyword::Unknown(_) => Vec::new(),
        _ if !model.stages.is_empty() => {
            let line = first.lines.first;
            let message = format!(
                "{} stands before the first FROM: no stage has it; move it below the FROM of its stage",
                first.keyword.as_str()
            );
            vec![Finding::new(codes::UNREADABLE, line, message, None)]
        }
        _ => vec![without_stage()],
    }
}

fn without_stage() -> Finding {
    let message = "the file has no FROM: nothing says what the image begins with; begin with one, such as FROM \
                   alpine:3.23";
    Finding::new(codes::UNREADABLE, 1, message, None)
}

/// `ENTRYPOINT`, `CMD`, `RUN` and health checks in shell form where there is no shell.
pub(in crate::lint) fn shell_form_without_shell(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, stage) in model.stages.iter().enumerate().filter(|(_, stage)| !stage.carries.has_shell) {
        let own_shell = model.last(index, &Keyword::Shell).is_some() || brings_a_shell(model, index);
        if own_shell {
            continue;
        }
        // Of several commands only the last counts; every RUN does.
        let last = |keyword: Keyword| {
            let instructions = stage.stage.instructions.iter().rev();
            instructions.copied().find(|instruction| instruction.keyword == keyword)
        };
        let runs = stage
            .stage
            .instructions
            .iter()
            .copied()
            .filter(|instruction| instruction.keyword == Keyword::Run);
        let commands = [Keyword::Entrypoint, Keyword::Cmd, Keyword::Healthcheck].into_iter().filter_map(last);
        for instruction in commands.chain(runs) {
            findings.extend(shell_form(model, instruction, stage.stage.base));
        }
    }
    findings
}

/// A stage that copies a whole file system, or a shell, may have one after all.
fn brings_a_shell(model: &Model<'_>, stage: usize) -> bool {
    let mut instructions = model.chain(stage).flat_map(|link| model.stages[link].stage.instructions.iter());
    instructions.any(|instruction| {
        let files = matches!(instruction.keyword, Keyword::Copy | Keyword::Add);
        let words = instruction.arguments.words();
        let archive = instruction.keyword == Keyword::Add && words.iter().any(|word| word.contains(".tar"));
        let shell = words
            .iter()
            .any(|word| word.contains("/sh") || word.contains("busybox") || word.ends_with("/bin/"));
        let whole =
            words.first().is_some_and(|word| word == "/") || words.last().is_some_and(|word| word == "/");
        let linked = instruction.keyword == Keyword::Run && words.iter().any(|word| word.contains("/bin/sh"));
        linked || (files && (archive || shell || whole))
    })
}

fn shell_form(model: &Model<'_>, instruction: &Instruction, base: &str) -> Option<Finding> {
    let text = match &instruction.arguments {
        Arguments::Text(text) => text,
        Arguments::Kind(_, rest) => rest.text()?,
        _ => return None,
    };
    let corrected = exec_form(text, instruction.keyword == Keyword::Healthcheck)
        .filter(|_| instruction.keyword != Keyword::Run && instruction.lines.first == instruction.lines.last)
        .and_then(|exec| {
            let line = model.source.line(instruction.lines.first);
            let position = line.rfind::<&str>(text)?;
            Some(format!("{}{exec}", &line[..position]))
        });
    let debug = base.contains("distroless/") && base.contains("debug");
    let advice = match (&instruction.keyword, &corrected) {
        _ if debug => {
            "write the exec form, or SHELL [\"/busybox/sh\", \"-c\"] before it: there the shell lies"
        }
        (Keyword::Run, _) => "do this in an earlier stage that has a shell, and COPY the result",
        (_, Some(_)) => "write the exec form",
        _ => {
            "write the exec form of one program with its arguments; what needs a shell (variables, several commands) \
             belongs into the program or a base with a shell"
        }
    };
    let message = format!(
        "the shell form needs /bin/sh, and {base} has none: the container stops with `no such file or directory`; \
         {advice}"
    );
    Some(Finding::new(codes::SHELL_FORM_WITHOUT_SHELL, instruction.lines.first, message, corrected))
}

/// The exec form of a shell's line that is one program of the image with plain words. A health check's `|| exit 1`
/// says nothing that its exit code does not say.
fn exec_form(text: &str, is_check: bool) -> Option<String> {
    let plain = text.trim();
    let plain = if is_check { plain.strip_suffix("|| exit 1").unwrap_or(plain) } else { plain };
    if plain.contains(['$', '`', '<', '>', '*', '?', '[', '~', '#', '&', '|', ';', '(', '{', '\\']) {
        return None;
    }
    let found = commands(plain);
    let [command] = found.as_slice() else { return None };
    let program = command.words.first()?;
    if !command.assignments.is_empty() || !program.contains('/') || program.ends_with("/sh") {
        return None;
    }
    serde_json::to_string(&command.words).ok().map(|exec| exec.replace("\",\"", "\", \""))
}

/// A shipped image that holds the compiler.
pub(in crate::lint) fn single_stage(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let in_chain = |(shipped, line): &(usize, usize)| {
        model.chain(*shipped).any(|link| model.stages[link].line() == *line)
    };
    let places: BTreeSet<(usize, usize)> =
        model.programs().map(|(image, stage, _)| (image, stage.line())).collect();
    let compiling: BTreeSet<usize> =
        places.into_iter().filter(in_chain).map(|(shipped, _)| shipped).collect();
    let compiles_itself = |shipped: usize| compiling.contains(&shipped);
    let finding = |shipped: usize| {
        let root = &model.stages[model.stages[shipped].root];
        let name = root.stage.name.as_deref();
        let copy = match name {
            Some(name) => format!("the program gets there by COPY --from={name}"),
            None => "the program gets there by COPY --from=build, when this line ends in AS build".to_owned(),
        };
        let message = format!(
            "the program is compiled in the image that ships: compiler and sources ship with it, and every other platform \
             compiles under emulation; begin another stage after the compile step, FROM {}: {copy}",
            smallest(model, shipped),
        );
        Finding::new(codes::SINGLE_STAGE, root.line(), message, None)
    };
    model.shipped.iter().copied().filter(|shipped| compiles_itself(*shipped)).map(finding).collect()
}

/// A base on which what a stage compiles starts.
fn smallest(model: &Model<'_>, stage: usize) -> &'static str {
    let mut links =
        model.chain(stage).flat_map(|link| model.stages[link].compiles.iter()).map(|one| one.links);
    if links.all(|links| links == Links::Static) {
        return "gcr.io/distroless/static-debian13";
    }
    "the small image of the same distribution's release"
}
