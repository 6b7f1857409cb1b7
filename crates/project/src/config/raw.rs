//! `crossdock.toml` as it is written: names, types and places, without meaning.

use std::collections::BTreeMap;

use crossdock_dockerfile::render::{self, Caching, Debian};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use toml::Spanned;

use super::{Base, DockerfileMode, Libc, Linkage, Route};
use crate::language::Language;

/// A value and its place.
pub(super) type At<T> = Spanned<T>;

/// A table of text that a user names freely.
pub(super) type Texts = BTreeMap<At<String>, At<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) include: Vec<At<String>>,
    pub(super) builder: Option<At<String>>,
    pub(super) toolchain: Option<Vec<At<Route>>>,
    pub(super) tags: Option<At<Vec<At<String>>>>,
    pub(super) tag_env: Option<Vec<At<String>>>,
    pub(super) templates: Option<At<String>>,
    #[serde(default)]
    pub(super) deploy: BTreeMap<At<String>, RawDeploy>,
    #[serde(default)]
    pub(super) image: BTreeMap<At<String>, RawImage>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDeploy {
    pub(super) nodes: At<Vec<At<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawImage {
    pub(super) path: Option<At<String>>,
    pub(super) language: Option<At<Language>>,
    pub(super) package: Option<At<String>>,
    pub(super) binary: Option<At<String>>,
    pub(super) binaries: Option<At<Vec<At<String>>>>,
    #[serde(default)]
    pub(super) deploy: Vec<At<String>>,
    pub(super) base: Option<At<Base>>,
    pub(super) linkage: Option<At<Linkage>>,
    pub(super) libc: Option<At<Libc>>,
    pub(super) features: Option<At<Vec<At<String>>>>,
    pub(super) all_features: Option<At<bool>>,
    pub(super) no_default_features: Option<At<bool>>,
    pub(super) profile: Option<At<String>>,
    pub(super) ldflags: Option<At<String>>,
    pub(super) cgo: Option<At<bool>>,
    #[serde(default)]
    pub(super) env: Texts,
    pub(super) entrypoint: Option<At<Vec<At<String>>>>,
    pub(super) cmd: Option<At<Vec<At<String>>>>,
    pub(super) workdir: Option<At<String>>,
    pub(super) user: Option<At<Scalar>>,
    #[serde(default)]
    pub(super) expose: Vec<At<Scalar>>,
    #[serde(default)]
    pub(super) labels: Texts,
    #[serde(default)]
    pub(super) annotations: Texts,
    #[serde(default)]
    pub(super) files: Vec<At<RawFile>>,
    pub(super) timezones: Option<At<bool>>,
    pub(super) toolchain: Option<Vec<At<Route>>>,
    pub(super) repository: Option<At<String>>,
    pub(super) tags: Option<At<Vec<At<String>>>>,
    pub(super) tag_env: Option<Vec<At<String>>>,
    pub(super) stop_signal: Option<At<Scalar>>,
    pub(super) health: Option<RawHealth>,
    pub(super) dockerfile: Option<RawDockerfile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub(super) from: At<String>,
    pub(super) to: At<String>,
    pub(super) mode: Option<At<Scalar>>,
}

/// `[image.NAME.dockerfile]` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDockerfile {
    pub(super) mode: Option<At<DockerfileMode>>,
    pub(super) base: Option<At<render::Base>>,
    pub(super) debian: Option<At<Debian>>,
    pub(super) alpine: Option<At<Scalar>>,
    pub(super) toolchain: Option<At<Scalar>>,
    pub(super) caching: Option<At<Caching>>,
    pub(super) packages: Option<At<Vec<At<String>>>>,
    pub(super) runtime_packages: Option<At<Vec<At<String>>>>,
    pub(super) context: Option<At<Vec<At<String>>>>,
    pub(super) private: Option<RawPrivate>,
    pub(super) syntax: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPrivate {
    pub(super) netrc: Option<At<Vec<At<String>>>>,
    pub(super) ssh: Option<At<Vec<At<String>>>>,
    pub(super) registries: Option<At<Vec<At<String>>>>,
}

/// `[image.NAME.health]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawHealth {
    pub(super) command: At<Vec<At<String>>>,
    pub(super) interval: Option<At<i64>>,
    pub(super) timeout: Option<At<i64>>,
    pub(super) start_period: Option<At<i64>>,
    pub(super) retries: Option<At<i64>>,
}

/// What may be written as a number or as text: a port, a user, a mode.
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
    // By hand, because an error of an untagged enum points at the whole list that holds it.
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
