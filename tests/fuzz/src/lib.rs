//! Fuzz targets: functions from bytes to nothing that panic if an input breaks an invariant.
//!
//! `cargo test -p crossdock-fuzz` replays the inputs in `corpus/TARGET/`; `libfuzzer/` has the programs that search for
//! new ones. An input that once failed stays in the corpus.

mod documents;
mod programs;
mod roots;
mod scripts;

/// A fuzz target: it panics if an input breaks an invariant.
pub type Target = fn(&[u8]);

/// The targets by the names of their directories in `corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("elf", programs::elf),
    ("mach_o", programs::mach_o),
    ("pe", programs::pe),
    ("go_build_info", programs::go_build_info),
    ("layer", roots::layer),
    ("merge", roots::merge),
    ("manifest", documents::manifest),
    ("image_config", documents::image_config),
    ("project_config", documents::project_config),
    ("shell", scripts::shell),
];

/// Runs the target of this name.
///
/// # Panics
/// If no target has this name, or if the input breaks one of its invariants.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(input);
}
