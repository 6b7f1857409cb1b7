//! What can be seen without following the program.

use crate::lint::Options;
use crate::lint::finding::{Finding, codes};
use crate::lint::model::Model;
use crate::read::{Arguments, Instruction, Keyword};

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
                model.source.replaced(line, name, nearest, nearest),
            ),
            None => (
                format!(
                    "`{shown}` is no instruction; a comment begins with #, and a line that goes on ends in \\"
                ),
                format!("# {}", model.source.line(line)),
            ),
        };
        Finding::new(codes::UNKNOWN_INSTRUCTION, line, message, corrected)
    };
    unknown.map(finding).collect()
}

/// Instructions of no stage, and a file without one. Only `ARG` stands before the first `FROM`.
pub(in crate::lint) fn outside_of_stages(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut instructions = model.file.instructions();
    let Some(first) = instructions.find(|instruction| instruction.keyword != Keyword::Arg) else {
        return vec![without_stage(model)];
    };
    match &first.keyword {
        // A slip of the pen in the first word is another finding, which says what was meant.
        Keyword::From | Keyword::Unknown(_) => Vec::new(),
        _ if !model.stages.is_empty() => {
            let line = first.lines.first;
            let message = format!("{} stands before the first FROM: no stage has it", first.keyword.as_str());
            vec![Finding::new(codes::UNREADABLE, line, message, format!("# {}", model.source.line(line)))]
        }
        _ => vec![without_stage(model)],
    }
}

fn without_stage(model: &Model<'_>) -> Finding {
    let message = "the file has no FROM: nothing says what the image begins with";
    Finding::new(codes::UNREADABLE, 1, message, format!("FROM scratch\n{}", model.source.line(1)))
}

/// `ENTRYPOINT`, `CMD`, `RUN` and health checks in shell form where there is no shell.
pub(in crate::lint) fn shell_form_without_shell(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, stage) in model.stages.iter().enumerate().filter(|(_, stage)| !stage.image.has_shell) {
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
            findings.extend(shell_form(instruction, stage.stage.base));
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
        files && (archive || shell || whole)
    })
}

fn shell_form(instruction: &Instruction, base: &str) -> Option<Finding> {
    let (prefix, text) = match &instruction.arguments {
        Arguments::Text(text) => (format!("{} ", instruction.keyword), text),
        Arguments::Kind(kind, rest) => (
            format!("HEALTHCHECK {} ", kind.to_ascii_uppercase()),
            match &**rest {
                Arguments::Text(text) => text,
                _ => return None,
            },
        ),
        _ => return None,
    };
    let flags: String = instruction
        .flags
        .iter()
        .map(|flag| {
            let value = flag.value.as_deref().map(|value| format!("={value}")).unwrap_or_default();
            format!("--{}{value} ", flag.name)
        })
        .collect();
    let words: Vec<&str> =
        text.split_whitespace().take_while(|word| !matches!(*word, "||" | "&&" | ";")).collect();
    let exec = serde_json::to_string(&words).unwrap_or_default().replace("\",\"", "\", \"");
    let corrected = match prefix.split_once(' ') {
        Some((keyword, rest)) => format!("{keyword} {flags}{rest}{exec}"),
        None => format!("{prefix}{exec}"),
    };
    let message = format!(
        "the shell form needs /bin/sh, and {base} has none: the container stops with `no such file or directory`; \
         write the exec form"
    );
    Some(Finding::new(codes::SHELL_FORM_WITHOUT_SHELL, instruction.lines.first, message, corrected))
}

/// A shipped image that holds the compiler.
pub(in crate::lint) fn single_stage(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let compiles_itself =
        |shipped: usize| model.chain(shipped).any(|link| !model.stages[link].compiles.is_empty());
    let finding = |shipped: usize| {
        let root = &model.stages[model.stages[shipped].root];
        let line = root.line();
        let from = model.source.line(line).trim_end();
        let named = if root.stage.name.is_some() { String::new() } else { " AS build".to_owned() };
        let corrected = format!(
            "{from}{named}\n# after the compile step:\nFROM gcr.io/distroless/static-debian12\nCOPY --from={} /path/of/program /program",
            root.stage.name.as_deref().unwrap_or("build")
        );
        let message = "the program is compiled in the image that ships: compiler and sources ship with it, and every \
                       other platform compiles under emulation; compile in a stage of its own and copy the program";
        Finding::new(codes::SINGLE_STAGE, line, message, corrected)
    };
    model.shipped.iter().copied().filter(|shipped| compiles_itself(*shipped)).map(finding).collect()
}
