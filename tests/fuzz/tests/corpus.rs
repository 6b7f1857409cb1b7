//! Replays the corpus: every input that once failed, and those that reach different code.

use std::path::Path;

use crossdock_fuzz::TARGETS;

/// The memory that a target may use at once: a base, and a multiple of its input.
fn memory_limit(input: &[u8]) -> u64 {
    (16 << 20) + 64 * input.len() as u64
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "a panic does not name its input, and this is shown only if the test fails"
)]
fn no_input_of_the_corpus_fails() {
    for (name, target) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files =
            std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut inputs = 0;
        for file in files {
            let path = file.expect("the directory is readable").path();
            let input = std::fs::read(&path).expect("the input is readable");
            println!("{}", path.display());
            let used = allocation_counter::measure(|| target(&input));
            assert!(
                used.bytes_max < memory_limit(&input),
                "{} bytes at once: {}",
                used.bytes_max,
                path.display()
            );
            inputs += 1;
        }
        assert!(inputs >= 5, "the corpus of {name} has only {inputs} inputs");
    }
}

/// An unknown directory would never be replayed.
#[test]
fn every_corpus_and_program_has_its_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |directory: &str| -> Vec<String> {
        let entries = std::fs::read_dir(root.join(directory)).expect("the directory is readable");
        let name =
            |path: std::path::PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
        let mut names: Vec<String> = entries.filter_map(|entry| name(entry.ok()?.path())).collect();
        names.sort();
        names
    };
    let mut targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    targets.sort_unstable();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("libfuzzer/targets"), targets);
}
