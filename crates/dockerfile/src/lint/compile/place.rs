//! Places in a stage's file system, as far as a file tells them.

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint) struct Place {
    /// Its parts, up to the first that holds a variable or a pattern.
    parts: Vec<String>,
    /// Whether the parts begin at the root.
    absolute: bool,
    /// Whether parts follow that the file does not tell.
    open: bool,
    of_a_target: bool,
}

impl Place {
    /// The place that a word names in a folder; of a folder that is not known, only the word's own parts are.
    pub(in crate::lint) fn new(folder: Option<&str>, word: &str) -> Self {
        let rooted = word.starts_with('/');
        // A variable may hold a whole path.
        let folder = folder.filter(|_| !word.starts_with('$'));
        let whole = match folder {
            Some(folder) if !rooted => format!("{folder}/{word}"),
            _ => word.to_owned(),
        };
        let mut place = Self {
            parts: Vec::new(),
            absolute: rooted || folder.is_some(),
            open: false,
            of_a_target: is_of_a_target(word),
        };
        for part in whole.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part.contains(['$', '*', '?', '[', '{', '`']) {
                place.open = true;
                break;
            }
            if part == ".." {
                place.parts.pop();
            } else {
                place.parts.push(part.to_owned());
            }
        }
        place
    }

    /// The last part, where it is known.
    pub(in crate::lint) fn name(&self) -> Option<&str> {
        self.parts.last().filter(|_| !self.open).map(String::as_str)
    }

    /// Whether it is known from the root on.
    pub(in crate::lint) fn is_known(&self) -> bool {
        self.absolute
    }

    /// The place of a name in this folder.
    pub(in crate::lint) fn join(&self, name: &str) -> Self {
        let mut inner = self.clone();
        if !self.open {
            inner.parts.push(name.to_owned());
        }
        inner
    }

    /// Whether both are the same file, as far as both are known.
    pub(in crate::lint) fn is(&self, other: &Self) -> bool {
        let folders = !self.absolute || !other.absolute || self.parts == other.parts;
        self.name().is_some() && self.name() == other.name() && folders
    }

    /// Whether one may hold the other: a folder with a file in it, or the same.
    pub(in crate::lint) fn touches(&self, other: &Self) -> bool {
        if !self.absolute || !other.absolute {
            return true;
        }
        let shared = self.parts.len().min(other.parts.len());
        self.parts[..shared] == other.parts[..shared]
    }

    /// Whether it is the root folder.
    pub(in crate::lint) fn is_root(&self) -> bool {
        self.absolute && self.parts.is_empty() && !self.open
    }

    /// Whether it lies in the folder that cargo has for a target.
    pub(in crate::lint) fn is_of_a_target(&self) -> bool {
        self.of_a_target
    }
}

/// Whether a path leads through the folder of a target: `target/x86_64-unknown-linux-musl/release`, `target/*/release`.
pub(in crate::lint) fn is_of_a_target(word: &str) -> bool {
    let parts: Vec<&str> = word.split('/').collect();
    let between = |three: &[&str]| three[0] == "target" && matches!(three[2], "release" | "debug");
    parts.windows(3).any(between) || (word.contains("-unknown-linux-") && parts.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_compared_as_far_as_they_are_known() {
        let place = |word| Place::new(Some("/src"), word);
        for (left, right, same, touch) in [
            ("app", "/src/app", true, true),
            ("./bin/../app", "/src/app", true, true),
            ("/out", "/out/app", false, true),
            ("/", "/out/app", false, true),
            ("/out/$NAME", "/out/app", false, true),
            ("/out/*/app", "/out/x", false, true),
            ("/tmp/gen", "/app", false, false),
            ("/out/app", "/output", false, false),
            ("/src/app2", "app", false, false),
        ] {
            assert_eq!(place(left).is(&place(right)), same, "{left} {right}");
            assert_eq!(place(left).touches(&place(right)), touch, "{left} {right}");
            assert_eq!(place(right).touches(&place(left)), touch, "{right} {left}");
        }
        assert!(Place::new(None, "bin/app").is(&place("/out/app")));
        assert!(Place::new(None, "bin/app").touches(&place("/etc")));
    }
}
