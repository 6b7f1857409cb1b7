//! Lines for another platform.

use crossdock_platform::Platform;

use crate::lint::compile::{Compile, CompileTarget, triple_like};
use crate::lint::images::Language;
use crate::lint::model::{Model, PlatformChoice, StageModel};

/// The Rust target of the image's platform with a C library, as a shell says it.
fn triple_of_the_image(like: &str) -> String {
    let libc = if like.contains("-gnu") { "gnu" } else { "musl" };
    format!(
        "\"$(case $TARGETARCH in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac)-unknown-linux-{libc}\""
    )
}

/// The line with the target of the image instead of a constant or composed one.
pub(super) fn for_the_image(model: &Model<'_>, compile: &Compile) -> Option<String> {
    let (name, value, line) = set_by(compile)?;
    let corrected = match compile.language {
        // What stands before the first FROM is not of one platform alone.
        _ if compile.exec || model.stages.first().is_some_and(|first| line < first.line()) => return None,
        _ if breaks_the_build(model, compile) => return None,
        Language::Go => model.source.assigned(line, name, value, "$TARGETARCH"),
        // Only a shell maps the names of architectures.
        Language::Rust if name != "--target" || !path_is_free(model, compile) => None,
        Language::Rust => model.source.assigned(line, name, value, &triple_of_the_image(value)),
    };
    declared(compile, line, corrected?, &["TARGETARCH"])
}

/// The line with a constant target of another platform.
pub(super) fn for_platform(model: &Model<'_>, compile: &Compile, platform: &Platform) -> Option<String> {
    let (name, value, line) = set_by(compile)?;
    match compile.language {
        _ if compile.exec => None,
        _ if breaks_the_build(model, compile) => None,
        Language::Go => model.source.assigned(line, name, value, platform.architecture().as_str()),
        Language::Rust if !path_is_free(model, compile) => None,
        Language::Rust => model.source.assigned(line, name, value, triple_like(platform, value)?),
    }
}

/// The compiler's line with the image's platform as its target.
pub(super) fn targeted(model: &Model<'_>, compile: &Compile) -> Option<String> {
    let [first, second] = &compile.words;
    let before = |text: &str| model.source.before_command(compile.line, [first, second], text);
    match compile.language {
        _ if compile.exec => None,
        _ if breaks_the_build(model, compile) => None,
        Language::Go if compile.has_os => {
            declared(compile, compile.line, before("GOARCH=$TARGETARCH ")?, &["TARGETARCH"])
        }
        Language::Go => {
            let corrected = before("GOOS=$TARGETOS GOARCH=$TARGETARCH ")?;
            declared(compile, compile.line, corrected, &["TARGETOS", "TARGETARCH"])
        }
        Language::Rust => None,
    }
}

/// The compiler's line with a constant target.
pub(super) fn targeted_at(model: &Model<'_>, compile: &Compile, platform: &Platform) -> Option<String> {
    let [first, second] = &compile.words;
    if compile.exec || compile.language == Language::Rust || breaks_the_build(model, compile) {
        return None;
    }
    let os = if compile.has_os { String::new() } else { format!("GOOS={} ", platform.os()) };
    let text = format!("{os}GOARCH={} ", platform.architecture());
    model.source.before_command(compile.line, [first, second], &text)
}

/// What has to stand before a line's instruction and cannot stand in its correction, as the end of a clause.
pub(super) fn missing_arguments(compile: &Compile, line: usize) -> String {
    match lacks(compile, line, &["TARGETARCH"]).is_empty() || line <= compile.first {
        true => String::new(),
        false => format!(" (with `ARG TARGETARCH` before line {})", compile.first),
    }
}

/// Why a Rust step has no corrected line, as the end of a sentence.
pub(super) fn of_the_path(model: &Model<'_>, compile: &Compile) -> &'static str {
    match compile.language == Language::Rust && !path_is_free(model, compile) {
        true => {
            "; cargo's --target also moves the program to target/<triple>/release, where later lines have to look"
        }
        false => "",
    }
}

/// `FROM` with a platform, in place of the one that it has.
pub(super) fn with_platform(
    model: &Model<'_>,
    stage: &StageModel<'_>,
    platform: &Platform,
) -> Option<String> {
    let flag = format!("--platform={platform}");
    match stage.stage.platform {
        Some(old) => model.source.replaced(stage.line(), &format!("--platform={old}"), &flag),
        None => {
            let base = stage.stage.base;
            model.source.replaced(stage.line(), base, &format!("{flag} {base}"))
        }
    }
}

/// `FROM` without its platform.
pub(super) fn without_platform(model: &Model<'_>, stage: &StageModel<'_>) -> Option<String> {
    model.source.without(stage.line(), &format!("--platform={}", stage.stage.platform?))
}

/// Whether the build would stop at a step with another target: where it starts the program and is not of the image's
/// platform, and where it uses C and has no C compiler for the target.
fn breaks_the_build(model: &Model<'_>, compile: &Compile) -> bool {
    let after = model.stages.partition_point(|stage| stage.line() <= compile.first);
    let Some(index) = after.checked_sub(1) else {
        return true;
    };
    let native = model.stages[index].platform == PlatformChoice::Target;
    let uses_c = compile.language == Language::Go && compile.cgo.as_deref().is_some_and(|value| value != "0");
    (uses_c && (compile.has_c_compiler || !native)) || (!native && model.runs(index, compile))
}

/// What gives a step its target: the variable or option, its value, and the line.
fn set_by(compile: &Compile) -> Option<(&str, &str, usize)> {
    match &compile.target {
        CompileTarget::Constant { name, value, line, .. }
        | CompileTarget::Composed { name, value, line }
        | CompileTarget::Builder { name, value, line } => Some((name, value, *line)),
        _ => None,
    }
}

/// Whether the program lies where it lay when cargo gets another target: `cargo install`, and copies that name no
/// folder of a target.
fn path_is_free(model: &Model<'_>, compile: &Compile) -> bool {
    let folder = set_by(compile).map(|(_, value, _)| format!("{value}/"));
    let mut named = ["target/release", "target/debug"].into_iter().chain(folder.as_deref());
    !named.any(|folder| model.source.contains(folder))
}

/// The arguments that a line needs and that are not declared before it.
fn lacks<'n>(compile: &Compile, line: usize, names: &[&'n str]) -> Vec<&'n str> {
    let is_declared = |name: &&&str| compile.declared.iter().any(|(known, at)| known == *name && *at <= line);
    names.iter().filter(|name| !is_declared(name)).copied().collect()
}

/// The line after the `ARG` that it needs, where that can stand before it. In the middle of an instruction it cannot:
/// then its absence is the next finding, at the instruction.
fn declared(compile: &Compile, line: usize, corrected: String, names: &[&str]) -> Option<String> {
    let lacking = lacks(compile, line, names);
    let inside = line > compile.first;
    match lacking.is_empty() || inside {
        true => Some(corrected),
        false => Some(format!("ARG {}\n{corrected}", lacking.join(" "))),
    }
}
