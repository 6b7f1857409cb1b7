//! Answers as text for a person.

use crossdock_platform::Names;

use super::answer::{Answer, Outcome};

/// Returns an answer as lines of text, without a trailing newline.
pub fn describe_answer(answer: &Answer) -> String {
    let mut lines = vec![answer.input.clone()];
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<13} {value}"));
        }
    };
    row("vocabulary", answer.vocabulary.unwrap_or_default().to_owned());
    match answer.result {
        Outcome::Exact => exact(answer, &mut row),
        Outcome::Ambiguous => {
            for candidate in &answer.candidates {
                let meaning = stated(candidate.os, candidate.architecture, candidate.variant);
                row("may mean", format!("{meaning} ({})", candidate.vocabularies.join(", ")));
            }
        }
        Outcome::Unknown => {}
    }
    for note in &answer.notes {
        row("note", note.clone());
    }
    lines.join("\n")
}

fn exact(answer: &Answer, row: &mut impl FnMut(&str, String)) {
    match &answer.platform {
        Some(platform) => row("platform", platform.clone()),
        None => row("states", stated(answer.os, answer.architecture, answer.variant)),
    }
    if let Some(node) = &answer.node {
        row("node", node_line(node));
    }
    if let Some(rust) = &answer.rust {
        row("Rust, static", rust.r#static.unwrap_or_default().to_owned());
        row("Rust, dynamic", rust.dynamic.unwrap_or_default().to_owned());
        row("target-cpu", rust.target_cpu.clone().unwrap_or_default());
    }
    let go = answer.go.iter().flatten().map(|(name, value)| format!("{name}={value}"));
    row("Go", go.collect::<Vec<_>>().join(" "));
    if let Some(names) = &answer.names {
        row("tools", tools(names));
        row("packages", packages(names));
    }
}

fn stated(os: Option<&str>, architecture: Option<&str>, variant: Option<&str>) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(os.map(|os| format!("operating system {os}")));
    words.extend(architecture.map(|architecture| format!("architecture {architecture}")));
    words.extend(variant.map(|variant| format!("variant {variant}")));
    if words.is_empty() { "nothing that Go or OCI has a name for".to_owned() } else { words.join(", ") }
}

fn node_line(node: &crossdock_platform::NodeProfile) -> String {
    let mut words = vec![match node.highest {
        Some(level) => format!("every machine has {level}"),
        None => "its level is unknown".to_owned(),
    }];
    words.extend(node.cpu.map(|cpu| format!("processor {cpu}")));
    let sizes: Vec<String> = node.page_sizes.iter().map(|size| format!("{} KiB", size / 1024)).collect();
    words.push(format!("pages of {}", sizes.join(", ")));
    words.push(
        match node.runs_32bit {
            Some(true) => "runs 32-bit programs",
            Some(false) => "runs no 32-bit programs",
            None => "32-bit programs: unknown",
        }
        .to_owned(),
    );
    words.join("; ")
}

fn tools(names: &Names) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(names.gcc.clone());
    words.extend(names.zig.as_ref().map(|zig| {
        let cpu = names.zig_cpu.as_ref().map(|cpu| format!(" -mcpu={cpu}")).unwrap_or_default();
        format!("zig -target {zig}{cpu}")
    }));
    words.extend(names.llvm.map(|llvm| format!("clang --target={llvm}")));
    words.extend(names.qemu_user.map(str::to_owned));
    words.join("; ")
}

fn packages(names: &Names) -> String {
    let named = |name: &str, value: Option<&str>| value.map(|value| format!("{name} {value}"));
    let all = [named("Debian", names.debian), named("Alpine", names.alpine), named("RPM", names.rpm)];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
