//! Descriptions of platforms and nodes, as `--for`, `--platform` and `nodes` take them.

use std::fmt;

use crossdock_platform::{
    Interpretation, NodeProfile, OsSource, Platform, PlatformFacts, interpret, known_platforms, nearest,
};
use serde::{Serialize, Serializer};

/// A description of a platform or a node, resolved to one platform. It serializes as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeDescription {
    /// The text as written, such as `m7g.large`.
    pub text: String,
    /// The platform of the node.
    pub platform: Platform,
    /// The properties of the machine; `None` if the text names a platform and no machine.
    pub profile: Option<NodeProfile>,
    /// Assumptions and remarks for a reader, as sentences.
    pub notes: Vec<String>,
}

impl NodeDescription {
    /// Resolves a description to the one platform that it names.
    ///
    /// ```
    /// use crossdock_platform::Platform;
    /// use crossdock_project::config::NodeDescription;
    ///
    /// let node = NodeDescription::parse("m7g.large")?;
    /// assert_eq!(node.platform, Platform::LINUX_ARM64);
    /// assert!(NodeDescription::parse("arm46").is_err());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A description that is unknown, ambiguous, or names no architecture. The error is a clause that follows the text
    /// in a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let facts = match interpret(text, None) {
            Interpretation::Exact(facts) => facts,
            Interpretation::Ambiguous { candidates, why } => return Err(ambiguous(&candidates, &why)),
            Interpretation::Unknown(unknown) => {
                let services = ["lambda/arm64", "lambda/x86_64"].map(str::to_owned);
                let platforms = known_platforms().map(|platform| platform.to_string());
                let known: Vec<String> = platforms.chain(services).collect();
                let nearest = nearest(text, known.iter().map(String::as_str));
                let hint = nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                return Err(format!("is not a known platform or node: {unknown}{hint}"));
            }
        };
        let (platform, os) = facts
            .platform_or_linux()
            .ok_or_else(|| "names no architecture; add it, such as linux/arm64".to_owned())?;
        let mut notes = Vec::new();
        if os == OsSource::Assumed {
            notes.push(format!("`{text}` names no operating system: linux is assumed"));
        }
        notes.extend(facts.notes.iter().map(|note| format!("`{text}`: {note}")));
        Ok(Self { text: text.to_owned(), platform, profile: facts.node, notes })
    }
}

fn ambiguous(candidates: &[PlatformFacts], why: &str) -> String {
    let names: Vec<String> = candidates
        .iter()
        .filter_map(|candidate| {
            let (platform, _) = candidate.platform_or_linux()?;
            Some(format!("{platform} ({})", candidate.vocabulary.as_str()))
        })
        .collect();
    format!("is ambiguous: {why}; it may mean {}", names.join(", "))
}

impl fmt::Display for NodeDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for NodeDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
