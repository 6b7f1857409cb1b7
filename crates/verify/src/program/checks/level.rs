//! Checks that the target guarantees the processor level that the program was built for.

use crossdock_platform::{Architecture, go_level_variable, validate_go_level};

use super::{Subject, dependent};
use crate::expectation::{CompiledC, CpuLevel, Language};
use crate::level::Level;
use crate::program::inspect::{Elf, GoBuildInfo, Inspection};
use crate::program::machine;
use crate::target::NodeLevel;
use crate::{Code, Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    // A program for another machine has a finding of its own, and levels of different machines do not compare.
    let Some(architecture) = machine::architecture_of(elf) else { return };
    if let Some(go) = &elf.go {
        go_level(subject, architecture, go, findings);
    }
    arm_attributes(subject, architecture, elf, findings);
    loader_demand(subject, architecture, elf, findings);
    planned_level(subject, architecture, findings);
    for compiled in subject.expectation.iter().flat_map(|expectation| &expectation.c_code) {
        c_level(subject, architecture, compiled, findings);
    }
}

/// Returns the variable in which Go records the level. `None` if the levels of the architecture do not compare, as
/// those of `GO386` and `GOMIPS`.
fn variable_of(architecture: Architecture) -> Option<&'static str> {
    go_level_variable(architecture).filter(|_| Level::baseline_name(architecture).is_some())
}

/// Returns the level that every node has for programs of this architecture, with its name.
fn guaranteed(subject: &Subject<'_>, architecture: Architecture) -> Option<(Level, String)> {
    if subject.target.architecture() == architecture {
        return subject.target.level();
    }
    // A 64-bit ARM core in 32-bit mode runs everything up to v8.
    let name = if (subject.target.architecture(), architecture) == (Architecture::Arm64, Architecture::Arm) {
        "v8"
    } else {
        Level::baseline_name(architecture)?
    };
    Some((Level::parse(architecture, name)?, name.to_owned()))
}

/// The reason why a node may lack a level.
enum Beyond {
    /// Every node has this level, and some have no more.
    Guaranteed(String),
    /// The kind of machine is named, but its level is unknown.
    Unknown,
}

/// Returns the reason why nodes may lack the level; `None` if all have it.
fn beyond(subject: &Subject<'_>, architecture: Architecture, needed: Level) -> Option<Beyond> {
    let (level, name) = guaranteed(subject, architecture)?;
    let own = subject.target.architecture() == architecture;
    match subject.target.node().level {
        _ if level.includes(needed) => None,
        NodeLevel::Unknown if own => Some(Beyond::Unknown),
        _ => Some(Beyond::Guaranteed(name)),
    }
}

/// Creates the finding about a program that needs more than the platform guarantees, on machines of unknown level.
fn unknown_node(subject: &Subject<'_>, needs: &str, level: &str) -> Finding {
    let node = subject.target.description();
    let message = format!(
        "{} {needs}, and the level of {node} is unknown: on a node without that level the program does not start.",
        subject.path
    );
    let finding = subject.finding(codes::NODE_LEVEL_UNKNOWN, message);
    let option = option_for(subject, level);
    finding.with_help(format!(
        "State the level of the machines with {option}, or build for the platform's baseline."
    ))
}

/// Creates the finding about a program that needs a level which some nodes lack, with a remedy in the words of the
/// target's architecture.
fn too_high(subject: &Subject<'_>, code: Code, message: String, guaranteed: &str, level: &str) -> Finding {
    let option = option_for(subject, level);
    let help = format!("Build for {guaranteed}, or name nodes that have the level with {option}.");
    subject.finding(code, message).with_help(help)
}

/// Returns the option that names nodes of a level, as `--for linux/arm/v7` for GOARM's `7,softfloat`. Levels that are not
/// a variant of a platform, such as POWER's, need the name of a kind of machine.
fn option_for(subject: &Subject<'_>, level: &str) -> String {
    let level = level.split(',').next().unwrap_or(level);
    let is_number = level.starts_with(|first: char| first.is_ascii_digit());
    let variant = if is_number { format!("v{level}") } else { level.to_owned() };
    match subject.target.platform().clone().with_variant(&variant) {
        Ok(platform) => format!("`--for {platform}`"),
        Err(_) => "`--for` and their kind".to_owned(),
    }
}

fn go_level(
    subject: &Subject<'_>,
    architecture: Architecture,
    go: &GoBuildInfo,
    findings: &mut Vec<Finding>,
) {
    let Some(variable) = variable_of(architecture) else { return };
    let Some(recorded) = go.setting(variable) else { return };
    // Go records a bad GOAMD64 or GOARM as given and builds for its default (internal/buildcfg): GOARM=4 gives a program
    // that needs ARMv7. `Level` also knows names that GOARM does not take, such as `v7` and `8`.
    let is_taken = variable != "GOARM" || validate_go_level(variable, recorded).is_ok();
    let needed = Level::parse(architecture, recorded).filter(|_| is_taken);
    if needed.is_none() {
        let message = format!(
            "{} was built with {variable}={recorded}, which is not a level: Go ignored it silently and built for its default.",
            subject.path
        );
        findings
            .push(subject.finding(codes::LEVEL_RECORDED_WRONG, message).with_evidence(variable, recorded));
    }
    let Some(default) = Level::baseline_name(architecture) else { return };
    let is_level = needed.is_some();
    let built = match needed {
        Some(_) => format!("was built with {variable}={recorded}"),
        None => format!("was built with {variable}={recorded}, which Go took for {default}"),
    };
    let Some(needed) = needed.or_else(|| Level::parse(architecture, default)) else { return };
    let name = match beyond(subject, architecture, needed) {
        None => return,
        Some(Beyond::Guaranteed(name)) => name,
        Some(Beyond::Unknown) => {
            let finding = unknown_node(subject, &built, recorded);
            findings.push(finding.with_evidence(variable, recorded));
            return;
        }
    };
    let shown = match architecture {
        Architecture::Amd64 => format!(
            "shows `This program can only be run on AMD64 processors with {recorded} microarchitecture support.` and exits with 1"
        ),
        _ => "kills it with exit 132 (illegal instruction), without a message".to_owned(),
    };
    let message = format!(
        "{} {built}, and {} guarantees only {name}: a node without that level {shown}.",
        subject.path,
        subject.target.name()
    );
    let level = if is_level { recorded } else { default };
    let finding = too_high(subject, codes::LEVEL_TOO_HIGH, message, &name, level);
    findings.push(finding.with_evidence(variable, recorded));
}

/// Checks the architecture version that compilers for 32-bit ARM record.
///
/// It is the highest of all object files (Arm's ABI addenda, Combining attribute values): Debian's armhf `pg_verifybackup`
/// records v8 because of one function, which it calls only on processors that have it. So a program may start on less.
fn arm_attributes(subject: &Subject<'_>, architecture: Architecture, elf: &Elf, findings: &mut Vec<Finding>) {
    let (Some(version), true) = (elf.arm.and_then(|arm| arm.version), architecture == Architecture::Arm)
    else {
        return;
    };
    let text = format!("v{version}");
    let Some(needed) = Level::parse(Architecture::Arm, &text) else { return };
    let finding = match beyond(subject, architecture, needed) {
        None => return,
        Some(Beyond::Guaranteed(name)) => {
            let message = format!(
                "{} has code compiled for ARMv{version}, and {} guarantees only {name}: if an older core reaches it, the core kills \
                 the program with exit 132 (illegal instruction), without a message.",
                subject.path,
                subject.target.name()
            );
            too_high(subject, codes::LEVEL_RISK, message, &name, &text)
        }
        Some(Beyond::Unknown) => {
            unknown_node(subject, &format!("has code compiled for ARMv{version}"), &text)
        }
    };
    findings.push(finding.with_evidence("Tag_CPU_arch", text));
}

/// Checks the property note that glibc's loader obeys. A static program has no loader that reads it.
fn loader_demand(subject: &Subject<'_>, architecture: Architecture, elf: &Elf, findings: &mut Vec<Finding>) {
    // In an image the loader itself is known, which `libraries` checks.
    if subject.container.is_none() && architecture == Architecture::Amd64 && !elf.is_static() {
        findings.extend(demanded_level(subject, subject.path, elf.notes.x86_isa_needed, Loader::Obeys));
    }
}

/// Whether a dynamic loader obeys `GNU_PROPERTY_X86_ISA_1_NEEDED`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loader {
    /// As glibc does since 2.33 (`dl_isa_level_check`).
    Obeys,
    /// As musl and older glibc do.
    Ignores,
}

/// Returns the finding about an object in memory whose note demands more than the target guarantees.
pub(super) fn demanded_level(
    subject: &Subject<'_>,
    object: &str,
    demand: Option<u32>,
    loader: Loader,
) -> Option<Finding> {
    let bits = demand.filter(|bits| *bits != 0)?;
    // The highest bit names the level, since a level includes the lower ones.
    let needed = match bits.ilog2() {
        0 => "v1",
        1 => "v2",
        2 => "v3",
        _ => "v4",
    };
    let level = Level::parse(Architecture::Amd64, needed)?;
    let who = dependent(subject, object);
    let finding = match (beyond(subject, Architecture::Amd64, level)?, loader) {
        (Beyond::Unknown, Loader::Obeys) => {
            let library =
                if object == subject.path { String::new() } else { format!("needs {object}, which ") };
            let demand = format!("{library}tells the dynamic loader to demand x86-64-{needed}");
            unknown_node(subject, &demand, needed)
        }
        // Hardly any node is that old, and whole distributions demand v2, so that the image fails only on nodes that are
        // known to lack it.
        (Beyond::Guaranteed(_), Loader::Obeys)
            if needed == "v2" && is_any_node(subject) && object != subject.path =>
        {
            let message = format!(
                "{who} demands x86-64-v2, which the oldest nodes of {} lack: they show `{object}: CPU ISA level is lower than \
                 required` and exit with 127.",
                subject.target.name()
            );
            subject.finding(codes::OLD_NODE_RISK, message)
        }
        (Beyond::Guaranteed(name), Loader::Obeys) => {
            let message = format!(
                "{who} tells the dynamic loader to demand x86-64-{needed}, and {} guarantees only {name}: an older node shows \
                 `{object}: CPU ISA level is lower than required` and exits with 127.",
                subject.target.name()
            );
            too_high(subject, codes::LOADER_LEVEL_TOO_HIGH, message, &name, needed)
        }
        (_, Loader::Ignores) => {
            let message = format!(
                "{who} was linked to demand x86-64-{needed}, which the image's loader does not check: a node without that level \
                 kills it with exit 132 (illegal instruction) where it uses the level.",
            );
            let help = format!(
                "Build for the target's level, or name nodes that have the level with {}.",
                option_for(subject, needed)
            );
            subject.finding(codes::LEVEL_RISK, message).with_help(help)
        }
    };
    Some(finding.with_evidence("GNU_PROPERTY_X86_ISA_1_NEEDED", format!("{bits:#x}")))
}

/// Returns whether the target names no level, neither as a variant nor by the kind of its nodes.
fn is_any_node(subject: &Subject<'_>) -> bool {
    let is_of_platform = matches!(subject.target.node().level, NodeLevel::OfPlatform);
    is_of_platform && subject.target.platform().variant().is_none()
}

/// Creates the finding about a planned processor whose instructions are unknown.
fn unknown_processor(subject: &Subject<'_>, architecture: Architecture, cpu: &str) -> Finding {
    if cpu.starts_with("x86-64") && !matches!(architecture, Architecture::Amd64 | Architecture::I386) {
        let message = format!(
            "{} was compiled with target-cpu {cpu}, which names processors of amd64, for {architecture}: LLVM \
             warns about the name and ignores it, so the instructions that the program needs are unknown.",
            subject.path
        );
        return subject.finding(codes::LEVEL_UNKNOWN, message).with_help(
            "Set target-cpu for each target separately: `[target.TRIPLE] rustflags` in .cargo/config.toml, or \
             CARGO_TARGET_TRIPLE_RUSTFLAGS. RUSTFLAGS applies to every target.",
        );
    }
    let message = format!(
        "{} was compiled for the processor {cpu}, and it is unknown whether every node of {} has its instructions.",
        subject.path,
        subject.target.name()
    );
    let finding = subject.finding(codes::LEVEL_UNKNOWN, message);
    match (cpu, architecture) {
        ("native", _) => finding,
        (_, Architecture::Amd64) => finding.with_help(
            "Compile for a level that every node has, e.g. target-cpu x86-64-v2, or omit target-cpu.",
        ),
        _ => finding.with_help("Omit target-cpu, or start the program once on the oldest of the nodes."),
    }
}

/// Checks the level in the plan, since Rust and C programs do not record theirs.
fn planned_level(subject: &Subject<'_>, architecture: Architecture, findings: &mut Vec<Finding>) {
    let Some(Language::Rust { level }) = subject.expectation.map(|expectation| &expectation.language) else {
        return;
    };
    let (CpuLevel::Level(text) | CpuLevel::Unknown(text)) = level else { return };
    if guaranteed(subject, architecture).is_none() {
        return;
    }
    let needs = format!("was compiled for level {text}");
    let unknown = || unknown_processor(subject, architecture, text);
    let finding = compiled_level(subject, architecture, level, &needs, unknown);
    findings.extend(finding.map(|finding| finding.with_evidence("target-cpu", text)));
}

/// Checks a level that a flag of a compiler names, which compiled code does not record either.
fn c_level(
    subject: &Subject<'_>,
    architecture: Architecture,
    compiled: &CompiledC,
    findings: &mut Vec<Finding>,
) {
    let CompiledC { level, flag, place } = compiled;
    let needs = format!("has code compiled with `{flag}` in {place}");
    let unknown = || {
        let message = format!(
            "{} {needs}, and it is unknown whether every node of {} has its instructions.",
            subject.path,
            subject.target.name()
        );
        let help = format!("Remove `{flag}` from {place}, or name a level that every node has.");
        subject.finding(codes::LEVEL_UNKNOWN, message).with_help(help)
    };
    let finding = compiled_level(subject, architecture, level, &needs, unknown);
    findings.extend(finding.map(|finding| finding.with_evidence(place.as_str(), flag.as_str())));
}

/// Returns the finding about a program that was compiled for this level, as `needs` tells; `None` if every node has it.
/// `unknown` creates the finding about a processor whose level is unknown.
fn compiled_level(
    subject: &Subject<'_>,
    architecture: Architecture,
    level: &CpuLevel,
    needs: &str,
    unknown: impl FnOnce() -> Finding,
) -> Option<Finding> {
    let (needed, text) = match level {
        CpuLevel::Baseline => return None,
        CpuLevel::Level(text) => (Level::parse(architecture, text), text),
        CpuLevel::Unknown(text) => (None, text),
    };
    let Some(needed) = needed else { return Some(unknown()) };
    match beyond(subject, architecture, needed)? {
        Beyond::Unknown => Some(unknown_node(subject, needs, text)),
        Beyond::Guaranteed(name) => {
            let message = format!(
                "{} {needs}, and {} guarantees only {name}: an older node kills it with exit 132 (illegal instruction), without a \
                 message.",
                subject.path,
                subject.target.name()
            );
            Some(too_high(subject, codes::LEVEL_TOO_HIGH, message, &name, text))
        }
    }
}
