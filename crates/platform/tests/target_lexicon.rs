//! Compares the table of Rust's targets with the crate target-lexicon, except for its known errors.

use std::collections::BTreeSet;

use crossdock_platform::{Endianness, RustSpec, rust_targets};
use target_lexicon::Triple;

/// Returns how target-lexicon reads a target differently from rustc; `None` if they agree.
fn difference(spec: &RustSpec) -> Option<String> {
    let triple: Triple = match spec.triple.parse() {
        Ok(triple) => triple,
        Err(error) => return Some(format!("no parse: {error}")),
    };
    let width = triple.pointer_width().map(|width| width.bits()).unwrap_or_default();
    if width != spec.width {
        return Some(format!("pointer width {width}"));
    }
    let little = triple.endianness() == Ok(target_lexicon::Endianness::Little);
    if little != (spec.endian == Endianness::Little) {
        return Some("byte order".to_owned());
    }
    spec.platform()?;
    let os = triple.operating_system.to_string();
    let os = os.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    // target-lexicon keeps the triple's `darwin` for macOS, has Android in its environment and spells WASI otherwise.
    let same = match spec.os {
        "macos" => os == "darwin",
        "android" => os == "linux" && triple.environment.to_string().starts_with("android"),
        "wasi" => os == "wasip",
        name => os == name,
    };
    if !same {
        return Some(format!("operating system {os}"));
    }
    let environment = triple.environment.to_string();
    let env = spec.env.unwrap_or_default();
    let same = match (spec.os, env) {
        ("android" | "wasi", _) | (_, "") => true,
        (_, env) => environment.starts_with(env),
    };
    (!same).then(|| format!("environment {environment}"))
}

#[test]
fn target_lexicon_agrees_except_for_its_known_errors() {
    let known: BTreeSet<(&str, &str)> = include_str!("vectors/target-lexicon-errors.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let found: Vec<(&str, String)> =
        rust_targets().filter_map(|spec| Some((spec.triple, difference(spec)?))).collect();
    let found: BTreeSet<(&str, &str)> = found.iter().map(|(triple, what)| (*triple, what.as_str())).collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}\ngone: {gone:#?}");
    assert!(found.len() * 4 < rust_targets().len(), "it agrees over most targets");
}
