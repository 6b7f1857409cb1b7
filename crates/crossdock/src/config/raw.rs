//! `crossdock.toml` as it is written: names, types and places, without meaning.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Base, Libc, Linkage, Route};
use crate::project::Language;

/// A value and its place.
pub(super) type At<T> = Spanned<T>;

/// A table of text that a user names freely.
pub(super) type Texts = BTreeMap<At<String>, At<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) include: Vec<At<String>>,
    pub(super) toolchain: Option<Vec<At<Route>>>,
    pub(super) tags: Option<At<Vec<At<String>>>>,
    pub(super) tag_env: Option<Vec<At<String>>>,
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
    pub(super) user: Option<At<RawUser>>,
    #[serde(default)]
    pub(super) expose: Vec<At<RawPort>>,
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub(super) from: At<String>,
    pub(super) to: At<String>,
    pub(super) mode: Option<At<RawMode>>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a port is a number from 1 to 65535, or a string with its protocol as \"53/udp\""
)]
pub(super) enum RawPort {
    Number(i64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a user is a number as 65532, or a string as \"65532:65532\" or \"nonroot\"")]
pub(super) enum RawUser {
    Number(i64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a mode is a string of octal digits as \"0755\", or an octal number as 0o755")]
pub(super) enum RawMode {
    Number(i64),
    Text(String),
}
