//! Explanations of unknown names.

use super::{processors, suggest};
use crate::excerpt::Excerpt;
use crate::interpretation::UnknownDescription;
use crate::platform::Platform;
use crate::rules;
use crate::vocabulary::Vocabulary;

/// Explains why a well-formed name is unknown, with the nearest names.
pub(super) fn explain(text: &str, vocabulary: Option<Vocabulary>) -> UnknownDescription {
    use Vocabulary as V;
    match vocabulary {
        None if text.contains('/') => as_platform(text, vocabulary),
        Some(V::OciPlatform | V::CrossRsImagePlatform | V::GoDist) => as_platform(text, vocabulary),
        Some(vocabulary) => within(text, vocabulary),
        None => anywhere(text),
    }
}

fn within(text: &str, vocabulary: Vocabulary) -> UnknownDescription {
    let why = match rules::refusal(vocabulary, text) {
        Some(why) => format!("{} is not in {vocabulary}: {why}", Excerpt::new(text)),
        None => format!("{} is not in {vocabulary}", Excerpt::new(text)),
    };
    UnknownDescription::new(&why, suggest::within(text, vocabulary))
}

fn anywhere(text: &str) -> UnknownDescription {
    let given = Excerpt::new(text);
    match processors::platforms(text) {
        Some(platforms) => {
            let why = format!("{given} is a processor, not a platform: name the platform to build for");
            UnknownDescription::new(&why, platforms)
        }
        None => UnknownDescription::new(&format!("{given} is in no vocabulary"), suggest::anywhere(text)),
    }
}

fn as_platform(text: &str, vocabulary: Option<Vocabulary>) -> UnknownDescription {
    let why = match Platform::parse(text) {
        Err(error) => error.to_string(),
        Ok(platform) => format!("{platform} is a platform, but not one of this vocabulary"),
    };
    UnknownDescription { why, nearest: suggest::platforms(text, vocabulary) }
}
