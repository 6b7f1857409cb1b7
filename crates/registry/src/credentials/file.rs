//! The content of docker's `config.json` and podman's `auth.json`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::key::{HUB_URL, Key, canonical};
use super::{Credential, Secret};
use crate::host::Host;

/// The parts of a configuration that hold credentials, or name programs that do.
// No Debug: the values are secrets.
#[derive(Clone, Default, Deserialize)]
pub(super) struct AuthFile {
    // Values and not entries: a malformed entry for another registry is not an error.
    #[serde(default, deserialize_with = "or_default")]
    auths: BTreeMap<String, Value>,
    #[serde(default, rename = "credsStore", deserialize_with = "or_default")]
    store: String,
    #[serde(default, rename = "credHelpers", deserialize_with = "or_default")]
    helpers: BTreeMap<String, String>,
}

/// The credentials of one key.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// A program that keeps credentials, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HelperSetting {
    /// `credHelpers`: for this very registry.
    OfHost(String),
    /// `credsStore`: for every registry.
    OfAll(String),
}

/// Reads base64 with or without padding, as some `base64` programs leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl AuthFile {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Returns the place of a syntax error, never a part of the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parse_object(text)
    }

    /// Reads a `.dockercfg`, which is only the object `auths`.
    pub(super) fn parse_dockercfg(text: &str) -> Result<Self, String> {
        Ok(Self { auths: parse_object(text)?, ..Self::default() })
    }

    /// Returns the helper for a registry; `None` if its credentials are in the file.
    pub(super) fn helper(&self, host: &Host) -> Option<HelperSetting> {
        if let Some(name) = self.helper_of(host) {
            return (!name.is_empty()).then(|| HelperSetting::OfHost(name.to_owned()));
        }
        (!self.store.is_empty()).then(|| HelperSetting::OfAll(self.store.clone()))
    }

    /// Returns the key and the credential for a repository: of the longest namespace that holds it.
    ///
    /// # Errors
    /// Returns the key and the fault of the entry, which names no part of it.
    pub(super) fn find(
        &self,
        host: &Host,
        repository: &str,
    ) -> Result<Option<(&str, Credential)>, (String, &'static str)> {
        let mut candidates: Vec<(Key, &str, &Value)> = self
            .auths
            .iter()
            .filter_map(|(text, entry)| Some((Key::parse(text)?, text.as_str(), entry)))
            .filter(|(key, ..)| key.host == canonical(host) && key.covers(repository))
            .collect();
        // Docker's own spelling of a key comes first, then one that is only a host.
        candidates.sort_by_key(|(key, text, _)| {
            (std::cmp::Reverse(key.namespace.len()), *text != HUB_URL, text.contains("://"), *text)
        });
        for (_, text, entry) in candidates {
            let credential = credential(entry).map_err(|fault| (text.to_owned(), fault))?;
            if credential != Credential::Anonymous {
                return Ok(Some((text, credential)));
            }
        }
        Ok(None)
    }

    /// Returns the keys that name a registry as a whole, in any spelling.
    pub(super) fn keys_of(&self, host: &Host) -> Vec<&str> {
        let names = |text: &&str| {
            Key::parse(text).is_some_and(|key| key.namespace.is_empty() && key.host == canonical(host))
        };
        self.auths.keys().map(String::as_str).filter(names).collect()
    }

    /// Returns whether `credHelpers` excepts a registry from the helpers by an empty name.
    pub(super) fn is_excepted(&self, host: &Host) -> bool {
        self.helper_of(host).is_some_and(str::is_empty)
    }

    fn helper_of(&self, host: &Host) -> Option<&str> {
        let names = |key: &str| {
            Key::parse(key).is_some_and(|key| key.namespace.is_empty() && key.host == canonical(host))
        };
        self.helpers.iter().find(|(key, _)| names(key)).map(|(_, name)| name.as_str())
    }
}

/// Encodes the field `auth` of an entry.
pub(super) fn encode_auth(username: &str, password: &Secret) -> String {
    BASE64.encode(format!("{username}:{}", password.expose()))
}

/// Reads JSON. serde's messages quote the value that has a wrong type, which may be a password; only the place is kept.
pub(super) fn parse_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // An empty file is one that `touch` or a failed write left, and docker takes it for an empty object.
    let text = if text.trim().is_empty() { "{}" } else { text };
    serde_json::from_str(text).map_err(|error| {
        let kind = if error.is_data() { "a value has the wrong type" } else { "it is not JSON" };
        format!("{kind}, at line {} column {}", error.line(), error.column())
    })
}

/// Reads a JSON object; `null` is an empty one, as for docker. serde also reads a struct from a list of its fields, which is
/// neither docker's format nor podman's.
fn parse_object<'a, T: Deserialize<'a> + Default>(text: &'a str) -> Result<T, String> {
    match parse_json::<&RawValue>(text)?.get() {
        "null" => Ok(T::default()),
        object if object.starts_with('{') => parse_json(text),
        _ => Err("it is not a JSON object, at line 1 column 1".to_owned()),
    }
}

/// Returns the credential of an entry; anonymous if the entry is empty, as docker leaves it next to a helper.
fn credential(entry: &Value) -> Result<Credential, &'static str> {
    let entry = match entry {
        Value::Null => Entry::default(),
        Value::Object(_) => Entry::deserialize(entry).map_err(|_| "one of its values is not a string")?,
        _ => return Err("it is not an object"),
    };
    let given = |field: Option<String>| field.filter(|text| !text.is_empty());
    if let Some(token) = given(entry.registrytoken) {
        return Ok(Credential::RegistryToken(Secret::new(token)));
    }
    // Next to it `auth` holds a user who has no password: Azure's is 00000000-0000-0000-0000-000000000000.
    if let Some(token) = given(entry.identitytoken) {
        return Ok(Credential::IdentityToken(Secret::new(token)));
    }
    let (username, password) = match (given(entry.auth), given(entry.username)) {
        (Some(auth), _) => decode_auth(&auth)?,
        (None, Some(username)) => (username, entry.password.unwrap_or_default()),
        (None, None) if given(entry.password).is_some() => return Err("it has a password and no user name"),
        (None, None) => return Ok(Credential::Anonymous),
    };
    Ok(of_user(username, password))
}

/// Returns the credential for a user name and its secret. The name `<token>` marks an identity token.
pub(super) fn of_user(username: String, secret: String) -> Credential {
    match username.as_str() {
        "<token>" => Credential::IdentityToken(Secret::new(secret)),
        _ => Credential::Basic { username, password: Secret::new(secret) },
    }
}

fn decode_auth(auth: &str) -> Result<(String, String), &'static str> {
    let bytes = BASE64.decode(auth.trim()).map_err(|_| "its `auth` is not base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "its `auth` is not UTF-8")?;
    // At the first colon: a password may hold more of them, as a JSON key does.
    let (username, password) =
        text.split_once(':').ok_or("its `auth` has no colon between user name and password")?;
    if username.is_empty() {
        return Err("its `auth` has no user name");
    }
    // docker pads the decoded text with them.
    Ok((username.to_owned(), password.trim_matches('\0').to_owned()))
}

/// Reads `null` as the default.
fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
