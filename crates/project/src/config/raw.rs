//! `crossdock.toml` as written: names, types and places, without meaning. Unknown keys are errors.

use std::collections::BTreeMap;

use crossdock_dockerfile::render::{self, Caching, Debian};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use toml::Spanned;

use super::{BuildVcs, DockerfileMode, Libc, Linkage, Route};
use crate::language::Language;

/// A table of strings with names of the user's choice.
pub(super) type StringTable = BTreeMap<Spanned<String>, Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) include: Vec<Spanned<String>>,
    pub(super) builder: Option<Spanned<String>>,
    pub(super) toolchain: Option<Vec<Spanned<Route>>>,
    pub(super) tags: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) tag_env: Option<Vec<Spanned<String>>>,
    pub(super) version_tag: Option<Spanned<String>>,
    pub(super) templates: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) deploy: BTreeMap<Spanned<String>, RawDeploy>,
    #[serde(default)]
    pub(super) image: BTreeMap<Spanned<String>, RawImage>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDeploy {
    pub(super) nodes: Spanned<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawImage {
    pub(super) path: Option<Spanned<String>>,
    pub(super) language: Option<Spanned<Language>>,
    pub(super) package: Option<Spanned<String>>,
    pub(super) binary: Option<Spanned<String>>,
    pub(super) binaries: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    pub(super) deploy: Vec<Spanned<String>>,
    pub(super) base: Option<Spanned<String>>,
    pub(super) linkage: Option<Spanned<Linkage>>,
    pub(super) libc: Option<Spanned<Libc>>,
    pub(super) features: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) all_features: Option<Spanned<bool>>,
    pub(super) no_default_features: Option<Spanned<bool>>,
    pub(super) profile: Option<Spanned<String>>,
    pub(super) ldflags: Option<Spanned<String>>,
    pub(super) cgo: Option<Spanned<bool>>,
    pub(super) buildvcs: Option<Spanned<BuildVcs>>,
    #[serde(default)]
    pub(super) env: StringTable,
    pub(super) entrypoint: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) cmd: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) workdir: Option<Spanned<String>>,
    pub(super) user: Option<Spanned<Scalar>>,
    #[serde(default)]
    pub(super) expose: Vec<Spanned<Scalar>>,
    #[serde(default)]
    pub(super) labels: StringTable,
    #[serde(default)]
    pub(super) annotations: StringTable,
    #[serde(default)]
    pub(super) files: Vec<Spanned<RawFile>>,
    pub(super) timezones: Option<Spanned<bool>>,
    pub(super) toolchain: Option<Vec<Spanned<Route>>>,
    pub(super) repository: Option<Spanned<String>>,
    pub(super) tags: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) tag_env: Option<Vec<Spanned<String>>>,
    pub(super) version_tag: Option<Spanned<String>>,
    pub(super) stop_signal: Option<Spanned<Scalar>>,
    pub(super) health: Option<RawHealth>,
    pub(super) dockerfile: Option<RawDockerfile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub(super) from: Spanned<String>,
    pub(super) to: Spanned<String>,
    pub(super) mode: Option<Spanned<Scalar>>,
}

/// `[image.NAME.dockerfile]` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDockerfile {
    pub(super) mode: Option<Spanned<DockerfileMode>>,
    pub(super) base: Option<Spanned<render::Base>>,
    pub(super) debian: Option<Spanned<Debian>>,
    pub(super) alpine: Option<Spanned<Scalar>>,
    pub(super) toolchain: Option<Spanned<Scalar>>,
    pub(super) caching: Option<Spanned<Caching>>,
    pub(super) packages: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) runtime_packages: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) context: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) private: Option<RawPrivate>,
    pub(super) syntax: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPrivate {
    pub(super) netrc: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) ssh: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) registries: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[image.NAME.health]` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawHealth {
    pub(super) command: Spanned<Vec<Spanned<String>>>,
    pub(super) interval: Option<Spanned<i64>>,
    pub(super) timeout: Option<Spanned<i64>>,
    pub(super) start_period: Option<Spanned<i64>>,
    pub(super) retries: Option<Spanned<i64>>,
}

/// A value that may be a number or a string: a port, a user, a mode.
#[derive(Debug)]
pub(super) enum Scalar {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    // By hand: an error of an untagged enum would point at the whole list that contains the value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number or a string")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }
}
