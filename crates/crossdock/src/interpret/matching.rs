//! The platforms that a host accepts.

use crossdock_platform::matching::{Only, Specifier};
use crossdock_platform::{Interpretation, OsSource, Platform, PlatformError, Vocabulary, interpret};
use serde::Serialize;

use super::SCHEMA;

/// The platforms that a host accepts and rejects, as decided by containerd's default matcher.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct MatchAnswer {
    /// The version of this JSON.
    pub schema: u32,
    /// The host.
    pub host: String,
    /// The accepted platforms as given, best first.
    pub accepted: Vec<String>,
    /// The other platforms.
    pub rejected: Vec<Rejected>,
    /// The rejected entries that are not platforms, as given.
    pub unknown: Vec<String>,
    /// Assumptions about the host.
    pub notes: Vec<String>,
    /// Why the host is invalid; null if it is valid. With an invalid host nothing is accepted or rejected.
    pub error: Option<String>,
}

impl MatchAnswer {
    /// Returns the answer for an invalid host.
    pub fn without_host(host: &str, why: String) -> Self {
        Self {
            schema: SCHEMA,
            host: host.to_owned(),
            accepted: Vec::new(),
            rejected: Vec::new(),
            unknown: Vec::new(),
            notes: Vec::new(),
            error: Some(why),
        }
    }

    /// Returns whether the host and each platform are known.
    pub fn is_known(&self) -> bool {
        self.error.is_none() && self.unknown.is_empty()
    }
}

/// A platform that the host does not accept.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Rejected {
    /// The platform as given.
    pub platform: String,
    /// The reason.
    pub why: String,
}

/// The host is neither a platform nor a description of one.
#[derive(Debug, thiserror::Error)]
#[error("{given:?} is not a host: {why}")]
pub struct MatchError {
    given: String,
    why: String,
}

/// Matches each platform with containerd's default matcher for the host. With a vocabulary the host is a name in it.
///
/// # Errors
/// The host is neither a platform nor a description of one.
pub fn match_platforms(
    host: &str,
    vocabulary: Option<Vocabulary>,
    platforms: &[String],
) -> Result<MatchAnswer, MatchError> {
    let (specifier, os) = host_of(host, vocabulary)?;
    let matcher = Only::new(&specifier);
    let assumed = os == OsSource::Assumed;
    let note = assumed.then(|| format!("{host} names no operating system: linux is assumed"));
    let mut rejected: Vec<(usize, String)> = Vec::new();
    let (mut places, mut readable) = (Vec::new(), Vec::new());
    for (place, platform) in platforms.iter().enumerate() {
        match Specifier::parse(platform) {
            Ok(specifier) => {
                places.push(place);
                readable.push(specifier);
            }
            Err(error) => rejected.push((place, error.to_string())),
        }
    }
    let selection = matcher.select(&readable);
    rejected.extend(selection.rejected.into_iter().map(|(index, why)| (places[index], why)));
    rejected.sort_by_key(|(place, _)| *place);
    let given = |place: usize| platforms[place].clone();
    Ok(MatchAnswer {
        schema: SCHEMA,
        host: host.to_owned(),
        accepted: selection.accepted.into_iter().map(|index| given(places[index])).collect(),
        unknown: rejected.iter().map(|(place, _)| given(*place)).filter(|one| is_unknown(one)).collect(),
        rejected: rejected.into_iter().map(|(place, why)| Rejected { platform: given(place), why }).collect(),
        notes: note.into_iter().collect(),
        error: None,
    })
}

/// Whether an entry is not a platform. containerd keeps unknown names, and matches them with nothing. It ignores case,
/// and indexes contain attestations as `unknown/unknown`.
fn is_unknown(platform: &str) -> bool {
    match Platform::parse(&platform.to_ascii_lowercase()) {
        Ok(_) | Err(PlatformError::Attestation) => false,
        Err(_) => true,
    }
}

/// Parses a host in containerd's syntax, else as any description of a machine, on Linux unless it states otherwise.
fn host_of(text: &str, vocabulary: Option<Vocabulary>) -> Result<(Specifier, OsSource), MatchError> {
    let error = |why: String| MatchError { given: text.to_owned(), why };
    match Specifier::parse(text) {
        Ok(specifier) if vocabulary.is_none() => Ok((specifier, OsSource::Stated)),
        // containerd would complete a single part from its own machine.
        _ if vocabulary.is_some() || !text.contains('/') => match interpret(text, vocabulary) {
            Interpretation::Exact(description) => match description.platform_or_linux() {
                Some((platform, os)) => Ok((Specifier::from(&platform), os)),
                None => {
                    Err(error("it names no architecture: specify os/architecture, e.g. linux/arm64".into()))
                }
            },
            Interpretation::Ambiguous { candidates, why } => Err(error(super::ambiguity(&candidates, &why))),
            Interpretation::Unknown(unknown) => Err(error(unknown.why)),
        },
        Ok(specifier) => Ok((specifier, OsSource::Stated)),
        Err(other) => Err(error(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_platforms_are_returned_as_given_best_first() {
        let platforms = ["linux/amd64", "linux/arm/v7", "linux/arm64/v8", "nonsense", "linux/arm64/v9"];
        let answer = match_platforms("linux/arm64", None, &platforms.map(str::to_owned)).unwrap();
        assert_eq!(answer.accepted, ["linux/arm64/v8", "linux/arm/v7"]);
        let rejected: Vec<&str> = answer.rejected.iter().map(|one| one.platform.as_str()).collect();
        assert_eq!(rejected, ["linux/amd64", "nonsense", "linux/arm64/v9"]);
        assert_eq!(answer.unknown, ["nonsense"]);
    }

    #[test]
    fn names_that_containerd_keeps_but_are_not_platforms_are_unknown() {
        let given =
            ["Linux/ARM64", "linux/nope", "unknown/unknown", "linux/amd64/v9", "linux/armv7l", "linux/amd64"];
        let answer = match_platforms("linux/arm64", None, &given.map(str::to_owned)).unwrap();
        assert_eq!(answer.unknown, ["linux/nope", "linux/amd64/v9", "linux/armv7l"]);
        assert_eq!(answer.accepted, ["Linux/ARM64"]);
        assert!(!answer.is_known());
    }

    #[test]
    fn a_vocabulary_selects_the_host_and_assumptions_are_noted() {
        let as_one = |name: &str| {
            let vocabulary = Vocabulary::from_name(name);
            match_platforms("armhf", vocabulary, &["linux/arm/v6".into(), "linux/arm/v7".into()]).unwrap()
        };
        assert_eq!(as_one("debian-arch").accepted, ["linux/arm/v7", "linux/arm/v6"]);
        assert_eq!(as_one("alpine-arch").accepted, ["linux/arm/v6"]);
        assert!(as_one("debian-arch").notes.is_empty());
        let machine = match_platforms("m7g.large", None, &[]).unwrap();
        assert_eq!(machine.notes, ["m7g.large names no operating system: linux is assumed"]);
        let debian = Vocabulary::from_name("debian-arch");
        assert!(match_platforms("linux/arm64", debian, &[]).is_err());
    }

    #[test]
    fn a_host_may_be_any_description_of_a_machine() {
        assert_eq!(
            match_platforms("m7g.large", None, &["linux/arm64".into()]).unwrap().accepted,
            ["linux/arm64"]
        );
        assert!(match_platforms("armhf", None, &[]).unwrap_err().to_string().contains("clash"));
        assert!(match_platforms("linux", None, &[]).unwrap_err().to_string().contains("no architecture"));
    }
}
