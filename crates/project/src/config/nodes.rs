//! What a description of a platform or a node means, as `--for`, `--platform` and `nodes` take it.

use crossdock_platform::{
    Interpretation, NodeProfile, OsSource, Platform, PlatformFacts, interpret, known_platforms,
};

use crossdock_platform::nearest;

/// What one description means.
pub struct Meaning {
    pub platform: Platform,
    /// What is known of the machine, where the description names one.
    pub node: Option<NodeProfile>,
    /// What was assumed, and what is worth knowing.
    pub notes: Vec<String>,
}

/// The one platform that a description names; else what is wrong with it, as a clause that follows the description.
pub fn meaning(text: &str) -> Result<Meaning, String> {
    let description = match interpret(text, None) {
        Interpretation::Exact(description) => description,
        Interpretation::Ambiguous { candidates, why } => return Err(ambiguous(&candidates, &why)),
        Interpretation::Unknown(unknown) => {
            let known: Vec<String> = known_platforms().map(|platform| platform.to_string()).collect();
            let meant = nearest(text, known.iter().map(String::as_str));
            let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            return Err(format!("is no platform or node that crossdock knows: {unknown}{meant}"));
        }
    };
    let named = description.platform_or_linux();
    let (platform, os) =
        named.ok_or_else(|| "names no architecture; say which, as linux/arm64".to_owned())?;
    let mut notes = Vec::new();
    if os == OsSource::Assumed {
        notes.push(format!("`{text}` names no operating system: linux is assumed"));
    }
    notes.extend(description.notes.iter().map(|note| format!("`{text}`: {note}")));
    Ok(Meaning { platform, node: description.node, notes })
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
