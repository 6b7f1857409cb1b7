//! `buildvcs`: whether go stamps programs with their commit and version.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// Whether go stamps programs with the commit and the version of the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildVcs {
    /// At a commit with a tag that gives the version, if no file differs: a release says its version, and a program
    /// whose sources do not change keeps its digest from commit to commit.
    #[default]
    Auto,
    /// At every commit, and with uncommitted changes too.
    Always,
    /// Never.
    Never,
}

impl fmt::Display for BuildVcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "\"auto\"",
            Self::Always => "true",
            Self::Never => "false",
        })
    }
}

impl Serialize for BuildVcs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Always => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_bool(false),
        }
    }
}

impl<'de> Deserialize<'de> for BuildVcs {
    // By hand: an error of an untagged enum would not name the values.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BuildVcsVisitor)
    }
}

struct BuildVcsVisitor;

impl Visitor<'_> for BuildVcsVisitor {
    type Value = BuildVcs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\", true or false")
    }

    fn visit_bool<E>(self, stamped: bool) -> Result<BuildVcs, E> {
        Ok(if stamped { BuildVcs::Always } else { BuildVcs::Never })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BuildVcs, E> {
        match text {
            "auto" => Ok(BuildVcs::Auto),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}
