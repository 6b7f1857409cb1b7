//! What to say about a description that no vocabulary has.

use std::fmt;

use crate::describe::{LONGEST, Reading, describe};
use crate::error::Excerpt;
use crate::platform::Platform;
use crate::processors;
use crate::rules;
use crate::suggest;
use crate::vocabulary::Vocabulary;

/// A description that no vocabulary has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong with it and what the nearest names are, as a sentence without its end.
    pub why: String,
    /// The nearest known names, nearest first: each can be read in the same vocabulary.
    pub nearest: Vec<String>,
}

impl Unknown {
    pub(crate) fn new(why: &str, nearest: Vec<String>) -> Self {
        let why = match nearest.as_slice() {
            [] => why.to_owned(),
            names => format!("{why} (nearest: {})", names.join(", ")),
        };
        Self { why, nearest }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What is wrong with a text that cannot be a description at all.
pub(crate) fn unreadable(text: &str, vocabulary: Option<Vocabulary>) -> Option<Unknown> {
    let found = |why: String| Some(Unknown::new(&why, Vec::new()));
    if text.trim().is_empty() {
        return found(
            "the description is empty: name a platform such as linux/amd64 or a machine such as m7g.large"
                .into(),
        );
    }
    if text.len() > LONGEST {
        return found(format!(
            "{} has {} bytes, a description at most {LONGEST}",
            Excerpt::new(text),
            text.len()
        ));
    }
    if text.trim().len() != text.len() {
        let nearest = match describe(text.trim(), vocabulary) {
            Reading::Unknown(unknown) => unknown.nearest,
            _ => vec![text.trim().to_owned()],
        };
        return Some(Unknown::new(&format!("{} has blanks around it", Excerpt::new(text)), nearest));
    }
    let control = text.chars().find(|character| character.is_control());
    control.and_then(|control| found(format!("{} has the control character {control:?}", Excerpt::new(text))))
}

/// Says why a readable text is no description, with the nearest names.
pub(crate) fn explain(text: &str, vocabulary: Option<Vocabulary>) -> Unknown {
    use Vocabulary as V;
    match vocabulary {
        None if text.contains('/') => as_platform(text, vocabulary),
        Some(V::OciPlatform | V::CrossRsImagePlatform | V::GoDist) => as_platform(text, vocabulary),
        Some(vocabulary) => {
            let why = match rules::refusal(vocabulary, text) {
                Some(why) => format!("{} is not in {vocabulary}: {why}", Excerpt::new(text)),
                None => format!("{} is not in {vocabulary}", Excerpt::new(text)),
            };
            Unknown::new(&why, suggest::within(text, vocabulary))
        }
        None => match processors::platforms(text) {
            Some(runs) => {
                let why = format!(
                    "{} is a processor and no platform: name what is built for it",
                    Excerpt::new(text)
                );
                Unknown::new(&why, runs)
            }
            None => {
                let why = format!("{} is in none of the vocabularies", Excerpt::new(text));
                Unknown::new(&why, suggest::anywhere(text))
            }
        },
    }
}

fn as_platform(text: &str, vocabulary: Option<Vocabulary>) -> Unknown {
    let why = match Platform::parse(text) {
        Err(error) => error.to_string(),
        Ok(platform) => format!("{platform} is a platform, but not one of this vocabulary"),
    };
    Unknown { why, nearest: suggest::platforms(text, vocabulary) }
}
