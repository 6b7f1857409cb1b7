//! The kinds of finding: each has a stable name that a person can search for.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Note,
    /// May go wrong on some nodes, or could not be judged.
    Warning,
    /// The program will not start, or is not what the plan asked for.
    Error,
}

impl Severity {
    /// The word used in JSON and in tables.
    pub fn as_str(self) -> &'static str {
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

/// What a finding of this kind does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing.
    None,
    /// The program may start, but that is not shown.
    Unproven,
    /// The program fails.
    Fails,
}

/// A kind of finding.
///
/// The set is closed: every code is a constant of [`codes`](crate::codes), and [`Code::all`] lists them.
#[derive(Clone, Copy)]
pub struct Code(pub(crate) &'static Entry);

/// What is registered for a code.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    pub(crate) effect: Effect,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    pub(crate) explanation: &'static str,
    pub(crate) remedy: &'static str,
}

impl Code {
    /// Every code, in the order of the catalogue.
    pub fn all() -> &'static [Code] {
        crate::codes::ALL
    }

    /// The code with this name.
    pub fn find(id: &str) -> Option<Code> {
        Code::all().iter().copied().find(|code| code.id() == id)
    }

    /// The stable name, in kebab case.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// How much a finding of this kind weighs.
    pub fn severity(self) -> Severity {
        self.0.severity
    }

    /// What a finding of this kind does to the verdict.
    pub fn effect(self) -> Effect {
        self.0.effect
    }

    /// One line that names the trouble.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Why it is trouble, and what the node shows.
    pub fn explanation(self) -> &'static str {
        self.0.explanation
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        self.0.remedy
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Code {}

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

/// The catalogue as a Markdown table, for the documentation.
pub fn catalogue_markdown() -> String {
    let mut table = String::from("| code | severity | what | why, and what the node shows | what to do |\n");
    table.push_str("|---|---|---|---|---|\n");
    for code in Code::all() {
        table.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            code.id(),
            code.severity(),
            code.title(),
            code.explanation().replace('|', "\\|"),
            code.remedy().replace('|', "\\|"),
        ));
    }
    table
}
