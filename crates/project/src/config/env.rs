//! The variables of a container, `env`: each value may use those of the base image and of earlier keys.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Base;
use super::raw::StringTable;
use super::resolver::Resolver;
use super::substitution::{Scope, SubstitutionError, substitute};
use crate::template;

/// The PATH that docker gives a container whose image has none. Other runtimes may give none, and a program that starts
/// others by name needs one. All bases that a Dockerfile may name, Debian's, Alpine's and distroless, have the same.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the variables that a built-in base image sets; none for another image.
pub fn base_environment(base: &Base) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    if base.image().is_none() {
        variables.insert("PATH".to_owned(), PATH.to_owned());
    }
    // Go, OpenSSL and rustls-native-certs look for certificates in different places, but all read this variable.
    if *base == Base::Static {
        variables.insert("SSL_CERT_FILE".to_owned(), "/etc/ssl/certs/ca-certificates.crt".to_owned());
    }
    variables
}

/// The value of a variable whose template has no value yet: not empty, so that `${NAME:?}` accepts it.
const NOT_KNOWN_YET: &str = "x";

/// Checks the values of `env` as far as possible without the values of templates.
pub(super) fn check(resolver: &mut Resolver<'_>, env: &StringTable, base: &Base) {
    let mut pairs: Vec<(&Spanned<String>, &Spanned<String>)> = env.iter().collect();
    pairs.sort_by_key(|(name, _)| name.span().start);
    let names = pairs.iter().map(|(name, _)| name.get_ref().clone()).collect();
    let mut environment = EnvBuilder::new(base_environment(base), names);
    environment.scope.others = base.image().map(|_| NOT_KNOWN_YET.to_owned());
    for (name, text) in pairs {
        let (key, text_value) = (name.get_ref(), text.get_ref());
        let value = match template::is_template(text_value) {
            true => Ok(NOT_KNOWN_YET.to_owned()),
            false => environment.expand(key, text_value),
        };
        let value = value.unwrap_or_else(|SubstitutionError { place, reason, help }| {
            let span = resolver.inside(text, Some(place));
            resolver.report(&span, format!("`env.{key}`: {reason}"), help);
            NOT_KNOWN_YET.to_owned()
        });
        environment.set(key, value);
    }
}

/// An environment to which one variable after the other is added.
pub(super) struct EnvBuilder {
    scope: Scope,
    /// The bytes of all values that were added.
    size: usize,
}

/// The bytes that the variables of a program may have: a quarter of the usual limit of its stack (execve(2), "Limits on size
/// of arguments and environment").
const LARGEST: usize = 2 << 20;

impl EnvBuilder {
    /// Starts with the variables of the base. `names` are the keys that follow.
    pub(super) fn new(base: BTreeMap<String, String>, names: Vec<String>) -> Self {
        let scope = Scope { values: base, later: names.into_iter().collect(), others: None };
        Self { scope, size: 0 }
    }

    /// Returns the value of a variable by those that were added before.
    pub(super) fn expand(&mut self, name: &str, text: &str) -> Result<String, SubstitutionError> {
        self.scope.later.remove(name);
        let value = substitute(text, &self.scope)?;
        if self.size + value.len() > LARGEST {
            return Err(SubstitutionError {
                place: 0..text.len(),
                reason: format!(
                    "the values are longer than the {LARGEST} bytes that Linux passes to a program"
                ),
                help: "shorten them".to_owned(),
            });
        }
        Ok(value)
    }

    /// Adds a variable.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.scope.later.remove(name);
        self.size += value.len();
        self.scope.values.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each value may repeat the one before it: a short file would need all of the memory.
    #[test]
    fn all_values_together_are_limited() {
        let mut environment = EnvBuilder::new(BTreeMap::new(), Vec::new());
        environment.set("A", "x".repeat(100_000));
        let added = (0..100).take_while(|n| {
            let value = environment.expand("B", "$A");
            value.is_ok_and(|value| {
                environment.set(&format!("B{n}"), value);
                true
            })
        });
        assert_eq!(added.count(), 19);
    }
}
