//! The challenges of a 401 (RFC 9110 § 11.6.1).

use std::collections::BTreeMap;

use ureq::http::HeaderMap;

/// How a registry wants requests to be authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token of a token server (distribution, docs/spec/auth/token.md).
    Bearer {
        realm: String,
        service: Option<String>,
        /// The access that the registry asks for besides that to the repository of the request.
        scope: Vec<String>,
    },
}

/// Returns the challenge that is answered: a token rather than a password.
pub(crate) fn challenge_of(headers: &HeaderMap) -> Option<Challenge> {
    let mut basic = None;
    for value in headers.get_all("www-authenticate") {
        let Ok(value) = value.to_str() else { continue };
        for (scheme, mut parameters) in parse(value) {
            match scheme.as_str() {
                "bearer" => {
                    let Some(realm) = parameters.remove("realm") else { continue };
                    let service = parameters.remove("service");
                    let scope =
                        parameters.remove("scope").map_or_else(Vec::new, |scope| other_scopes(&scope));
                    return Some(Challenge::Bearer { realm, service, scope });
                }
                "basic" => basic = Some(Challenge::Basic),
                _ => {}
            }
        }
    }
    basic
}

/// Returns whether a challenge says that the token is not valid (any more), whatever its age (RFC 6750 § 3.1).
pub(crate) fn rejects_token(headers: &HeaderMap) -> bool {
    let values = headers.get_all("www-authenticate").into_iter().filter_map(|value| value.to_str().ok());
    let errors = values.flat_map(parse).filter_map(|(_, mut parameters)| parameters.remove("error"));
    errors.into_iter().any(|error| error == "invalid_token")
}

/// Returns the scopes that are not about a repository: the request says itself which access to one it needs.
fn other_scopes(scope: &str) -> Vec<String> {
    let is_other = |name: &&str| !name.is_empty() && !name.starts_with("repository:");
    scope.split(' ').filter(is_other).map(str::to_owned).collect()
}

/// Parses challenges with their parameters, in lower case. Several may be in one header, separated by commas as their
/// parameters are.
fn parse(value: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut challenges: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            match rest.chars().next() {
                // A stray `=`.
                Some(char) => rest = &rest[char.len_utf8()..],
                None => return challenges,
            }
            continue;
        }
        match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            Some(after) => {
                let (text, after) = parameter(after.trim_start_matches([' ', '\t']));
                if let Some((_, parameters)) = challenges.last_mut() {
                    parameters.entry(word.to_ascii_lowercase()).or_insert(text);
                }
                rest = after;
            }
            None => {
                challenges.push((word.to_ascii_lowercase(), BTreeMap::new()));
                rest = after;
            }
        }
    }
}

/// Splits a parameter's value, a token or a quoted string, from the text after it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, after) = text.split_at(text.find([' ', '\t', ',']).unwrap_or(text.len()));
        return (token.to_owned(), after);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(char),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("www-authenticate", value.parse().unwrap());
        }
        challenge_of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: &[&str]) -> Option<Challenge> {
        let service = service.map(str::to_owned);
        let scope = scope.iter().map(|&name| name.to_owned()).collect();
        Some(Challenge::Bearer { realm: realm.to_owned(), service, scope })
    }

    #[test]
    fn challenges_of_registries_are_read() {
        let hub = "https://auth.docker.io/token";
        for (values, expected) in [
            (
                vec![
                    r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/app:pull,push registry:catalog:*""#,
                ],
                bearer(hub, Some("registry.docker.io"), &["registry:catalog:*"]),
            ),
            (vec![r#"Basic realm="Registry Realm""#], Some(Challenge::Basic)),
            (vec![r#"BASIC realm="a,b\" c", charset="UTF-8", bearer realm = t"#], bearer("t", None, &[])),
            (vec![r#"Negotiate"#, r#"Basic realm="x""#], Some(Challenge::Basic)),
            (
                vec![r#"Basic realm="x""#, r#"Bearer realm="r", error="insufficient_scope""#],
                bearer("r", None, &[]),
            ),
            (vec!["Bearer"], None),
            (vec![r#"Bearer service="s""#], None),
            (vec!["==,,= \"", "Digest a=b"], None),
            (vec![r#"Bearer realm="unterminated"#], bearer("unterminated", None, &[])),
            (vec![""], None),
        ] {
            assert_eq!(found(&values), expected, "{values:?}");
        }
    }
}
