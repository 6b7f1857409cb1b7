//! Codes and the catalogues that declare them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares a closed catalogue: one constant for each [`Code`], and `CATALOGUE` with all of them in order.
///
/// An entry is `NAME = "id", Severity, Effect, "title", "explanation", "remedy";`. The effect is optional and follows
/// from the severity: an error fails, anything else changes no verdict. The remedy is optional too, for checks whose
/// messages say what to do. Invoke the macro in a module of its own, usually named `codes`.
///
/// ```
/// mod codes {
///     crossdock_findings::catalogue! {
///         OLD_BASE = "old-base", Warning,
///             "the base image is out of support",
///             "It gets no security updates.";
///         LEVEL_UNKNOWN = "level-unknown", Warning, Unproven,
///             "the processor level is unknown",
///             "The file does not record it.",
///             "State the level of the build.";
///     }
/// }
/// use crossdock_findings::Effect;
///
/// assert_eq!(codes::CATALOGUE.find("old-base"), Some(codes::OLD_BASE));
/// assert_eq!(codes::OLD_BASE.effect(), Effect::None);
/// assert_eq!(codes::LEVEL_UNKNOWN.effect(), Effect::Unproven);
/// ```
///
/// A catalogue with a duplicate or malformed id does not compile:
///
/// ```compile_fail
/// mod codes {
///     crossdock_findings::catalogue! {
///         ONE = "same", Note, "a title", "An explanation.";
///         TWO = "same", Note, "a title", "An explanation.";
///     }
/// }
/// ```
#[macro_export]
macro_rules! catalogue {
    ($($name:ident = $id:literal, $severity:ident $(, $effect:ident)?,
        $title:literal, $explanation:literal $(, $remedy:literal)?;)+) => {
        $(
            #[doc = $title]
            pub const $name: $crate::Code = $crate::Code::new(&$crate::Entry {
                $(remedy: Some($remedy),)?
                $(effect: $crate::Effect::$effect,)?
                ..$crate::Entry::new($id, $crate::Severity::$severity, $title, $explanation)
            });
        )+

        /// Every code of this module, in the order of the documentation.
        pub const CATALOGUE: $crate::Catalogue = $crate::Catalogue::new(&[$($name),+]);
    };
}

/// The weight of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Information that needs no action.
    Note,
    /// A problem under conditions that the check cannot see, or something that it could not verify.
    Warning,
    /// The program will not start, or is not the one that was asked for.
    Error,
}

impl Severity {
    /// Returns the word used in every output format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The effect of a finding on the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The verdict does not change.
    None,
    /// The program may start, but this was not shown.
    Unproven,
    /// The program fails.
    Fails,
}

/// The registration of a [`Code`]. Declare entries with [`catalogue!`](crate::catalogue!).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The stable name, in kebab case.
    pub id: &'static str,
    /// The usual severity of such a finding.
    pub severity: Severity,
    /// The effect of such a finding on the verdict.
    pub effect: Effect,
    /// The problem in one line, lower case and without a full stop.
    pub title: &'static str,
    /// The reason why it is a problem, in sentences.
    pub explanation: &'static str,
    /// The usual remedy, in sentences; `None` if each finding's message states its own.
    pub remedy: Option<&'static str>,
}

impl Entry {
    /// Creates an entry without a remedy, whose effect follows from its severity.
    pub const fn new(
        id: &'static str,
        severity: Severity,
        title: &'static str,
        explanation: &'static str,
    ) -> Entry {
        let effect = match severity {
            Severity::Error => Effect::Fails,
            Severity::Warning | Severity::Note => Effect::None,
        };
        Entry { id, severity, effect, title, explanation, remedy: None }
    }
}

/// A kind of finding, with a stable name that people can search for.
///
/// Each code is a constant of a [`catalogue!`](crate::catalogue!). Codes are equal if their registrations are: two
/// catalogues may use the same id for different kinds of findings.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(&'static Entry);

impl Code {
    /// Creates the code of an entry.
    pub const fn new(entry: &'static Entry) -> Code {
        Code(entry)
    }

    /// Returns the stable name, in kebab case.
    pub const fn id(self) -> &'static str {
        self.0.id
    }

    /// Returns the usual severity of such a finding.
    pub const fn severity(self) -> Severity {
        self.0.severity
    }

    /// Returns the effect of such a finding on the verdict.
    pub const fn effect(self) -> Effect {
        self.0.effect
    }

    /// Returns the problem in one line.
    pub const fn title(self) -> &'static str {
        self.0.title
    }

    /// Returns the reason why it is a problem.
    pub const fn explanation(self) -> &'static str {
        self.0.explanation
    }

    /// Returns the usual remedy; `None` if each finding's message states its own.
    pub const fn remedy(self) -> Option<&'static str> {
        self.0.remedy
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// A closed set of codes, in the order of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Catalogue(&'static [Code]);

impl Catalogue {
    /// Creates a catalogue.
    ///
    /// # Panics
    /// If two codes have the same id or an id is not kebab case. In a constant, such as the one that
    /// [`catalogue!`](crate::catalogue!) declares, the panic is a compile error.
    pub const fn new(codes: &'static [Code]) -> Catalogue {
        // A constant function has no iterators.
        let mut index = 0;
        while index < codes.len() {
            assert!(is_kebab_case(codes[index].id()), "an id is lower case letters, digits and hyphens");
            let mut other = 0;
            while other < index {
                assert!(!is_same(codes[index].id(), codes[other].id()), "two codes have the same id");
                other += 1;
            }
            index += 1;
        }
        Catalogue(codes)
    }

    /// Returns every code, in the order of the documentation.
    pub const fn codes(self) -> &'static [Code] {
        self.0
    }

    /// Returns the code with this id.
    pub fn find(self, id: &str) -> Option<Code> {
        self.0.iter().copied().find(|code| code.id() == id)
    }

    /// Writes the catalogue as a Markdown table, for the documentation.
    ///
    /// `consequence` is the heading of the column with the explanations. The column with the remedies is left out if
    /// no code has one.
    pub fn markdown(self, consequence: &str) -> String {
        let has_remedies = self.0.iter().any(|code| code.remedy().is_some());
        let row = |code: &Code| {
            let remedy = code.remedy().map_or(String::new(), |remedy| format!(" {} |", cell(remedy)));
            let (title, explanation) = (cell(code.title()), cell(code.explanation()));
            format!("| `{code}` | {} | {title} | {explanation} |{remedy}\n", code.severity())
        };
        let (heading, rule) = if has_remedies { (" what to do |", "---|") } else { ("", "") };
        let head = format!("| code | severity | what | {consequence} |{heading}\n|---|---|---|---|{rule}\n");
        self.0.iter().map(row).fold(head, |table, row| table + &row)
    }
}

/// Escapes the character that separates the cells of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const fn is_kebab_case(id: &str) -> bool {
    let bytes = id.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty()
}

// `==` of texts is not a constant function.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(unreachable_pub, reason = "a catalogue is public for its users")]
    mod codes {
        crate::catalogue! {
            BROKEN = "broken", Error, "it is broken", "It crashes: `a | b`.", "Repair it.";
            ODD = "odd", Warning, Unproven, "it is odd", "It may crash.";
        }
    }

    #[expect(unreachable_pub, reason = "a catalogue is public for its users")]
    mod plain {
        crate::catalogue! {
            BROKEN = "broken", Error, "it is broken", "It stops.";
        }
    }

    #[test]
    fn effects_follow_from_severities_unless_stated() {
        assert_eq!(codes::BROKEN.effect(), Effect::Fails);
        assert_eq!(codes::ODD.effect(), Effect::Unproven);
        assert_eq!(Entry::new("a", Severity::Warning, "", "").effect, Effect::None);
        assert_eq!((codes::BROKEN.remedy(), codes::ODD.remedy()), (Some("Repair it."), None));
    }

    #[test]
    fn codes_of_two_catalogues_differ() {
        assert_eq!(codes::CATALOGUE.find("broken"), Some(codes::BROKEN));
        assert_eq!(codes::CATALOGUE.find("whole"), None);
        assert_ne!(codes::BROKEN, plain::BROKEN);
    }

    #[test]
    fn tables_escape_bars_and_leave_out_an_empty_column() {
        let table = codes::CATALOGUE.markdown("why");
        assert!(table.starts_with("| code | severity | what | why | what to do |\n|---|---|---|---|---|\n"));
        assert!(
            table.contains("| `broken` | error | it is broken | It crashes: `a \\| b`. | Repair it. |\n")
        );
        assert_eq!(
            plain::CATALOGUE.markdown("why"),
            "| code | severity | what | why |\n|---|---|---|---|\n| `broken` | error | it is broken | It stops. |\n"
        );
    }

    #[test]
    fn only_kebab_case_is_an_id() {
        assert!(is_kebab_case("no-32-bit-mode"));
        for id in ["", "Broken", "two words", "snake_case"] {
            assert!(!is_kebab_case(id), "{id:?}");
        }
        assert!(is_same("ab", "ab") && !is_same("ab", "ac") && !is_same("ab", "abc"));
    }
}
