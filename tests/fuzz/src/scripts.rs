//! Shell scripts: [`follow`] and [`check`] in every dialect.

use crossdock_shell::{Dialect, EndKind, Entry, Executable, Files, Outcome, Position, Start, check, follow};

/// A script with two arguments, in a file system in which it can source itself.
pub(crate) fn shell(input: &[u8]) {
    for dialect in [Dialect::Dash, Dialect::Ash, Dialect::Bash] {
        // Both answers are right for arbitrary bytes; neither may panic.
        drop(check(input, dialect));
        let arguments = vec!["/app".into(), "--port=80".into()];
        let start = Start { dialect, arguments, ..Start::new(input) };
        check_outcome(&follow(&start, &Disk { script: input }), input);
    }
}

fn check_outcome(outcome: &Outcome, input: &[u8]) {
    let lines = input.iter().filter(|byte| **byte == b'\n').count() + 1;
    let is_inside =
        |position: Position| position.line >= 1 && position.column >= 1 && position.line as usize <= lines;
    assert!(!outcome.ends.is_empty(), "the script never ends, not even unknown");
    for program in &outcome.programs {
        assert!(!program.words.is_empty(), "a program without a name");
        assert!(is_inside(program.position), "{:?} is outside the script", program.position);
    }
    for end in &outcome.ends {
        if let EndKind::Exec(program) | EndKind::Last(program) = end.kind {
            assert!(program < outcome.programs.len(), "it ends with a program that is not listed");
        }
        if end.kind == EndKind::Unknown {
            assert!(!outcome.unfollowed.is_empty(), "an unknown end without a reason");
        }
    }
}

/// A small file system.
struct Disk<'a> {
    script: &'a [u8],
}

impl Files for Disk<'_> {
    fn entry(&self, path: &str) -> Entry {
        match path {
            "/app" | "/bin/sh" | "/usr/bin/env" | "/entry.sh" => Entry::File(Executable::Yes),
            "/data" | "/lib.sh" => Entry::File(Executable::No),
            "/" | "/bin" | "/usr" | "/usr/bin" | "/srv" => Entry::Directory,
            "/unknown" => Entry::Unknown,
            _ => Entry::Absent,
        }
    }

    fn entries(&self, directory: &str) -> Option<Vec<String>> {
        (directory == "/")
            .then(|| ["app", "bin", "data", "entry.sh", "lib.sh", "srv"].map(str::to_owned).to_vec())
    }

    fn text(&self, path: &str) -> Option<Vec<u8>> {
        (path == "/lib.sh").then(|| self.script.to_vec())
    }
}
