//! Parser directives: `# syntax=`, `# escape=`, `# check=` before anything else in the file.

use super::error::Problem;

/// A parser directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// `syntax`, `escape` or `check`, in small letters.
    pub name: String,
    /// The value.
    pub value: String,
    /// The line, counted from 1.
    pub line: usize,
    pub(crate) text: String,
}

/// What was seen of the directives so far.
#[derive(Debug)]
pub(super) struct Directives {
    done: bool,
    seen: Vec<String>,
    pub(super) escape: char,
}

impl Default for Directives {
    fn default() -> Self {
        Self { done: false, seen: Vec::new(), escape: '\\' }
    }
}

impl Directives {
    /// The directive that a line holds. The first line that holds none ends them all.
    pub(super) fn take(&mut self, line: &str) -> Result<Option<(String, String)>, Problem> {
        let found = (!self.done).then(|| parse(line)).flatten();
        let Some((name, value)) = found else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&name) {
            return Err(Problem::DirectiveTwice(name));
        }
        if name == "escape" {
            self.escape = match value.as_str() {
                "\\" => '\\',
                "`" => '`',
                _ => return Err(Problem::EscapeCharacter(value)),
            };
        }
        self.seen.push(name.clone());
        Ok(Some((name, value)))
    }
}

/// `^#\s*name\s*=\s*(.+?)\s*$`, as BuildKit has it: a value of blanks alone is its last blank.
fn parse(line: &str) -> Option<(String, String)> {
    const BLANKS: [char; 5] = ['\t', '\n', '\u{c}', '\r', ' '];
    let (name, value) = line.strip_prefix('#')?.split_once('=')?;
    let name = name.trim_matches(BLANKS).to_ascii_lowercase();
    if !matches!(name.as_str(), "syntax" | "escape" | "check") {
        return None;
    }
    let trimmed = value.trim_matches(BLANKS);
    let value = if trimmed.is_empty() { value.get(value.len().checked_sub(1)?..)? } else { trimmed };
    Some((name, value.to_owned()))
}
