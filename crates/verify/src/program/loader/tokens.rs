//! The `$` tokens of search paths.

use crate::root::MAX_PATH;

/// The values of the tokens. A token without a value remains as it is.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a> {
    pub(super) origin: &'a str,
    pub(super) lib: Option<&'a str>,
    pub(super) platform: Option<&'a str>,
}

impl Tokens<'_> {
    /// Expands the tokens of a path. An expansion longer than any path is cut off and then leads nowhere.
    pub(super) fn expand(self, path: &str) -> String {
        let tokens = [("ORIGIN", Some(self.origin)), ("LIB", self.lib), ("PLATFORM", self.platform)];
        let (mut rest, mut expanded) = (path, String::new());
        while let Some(at) = rest.find('$').filter(|_| expanded.len() <= MAX_PATH) {
            expanded.push_str(&rest[..at]);
            rest = &rest[at..];
            let found = tokens.iter().find_map(|(name, value)| Some((after_token(rest, name)?, (*value)?)));
            let (after, value) = found.unwrap_or((&rest[1..], "$"));
            expanded.push_str(value);
            rest = after;
        }
        if expanded.len() <= MAX_PATH {
            expanded.push_str(rest);
        }
        expanded
    }
}

/// Returns whether a path contains this token, such as `ORIGIN`.
pub(super) fn has_token(path: &str, name: &str) -> bool {
    path.match_indices('$').any(|(at, _)| after_token(&path[at..], name).is_some())
}

/// Returns what follows `$NAME` or `${NAME}`; `None` if the text does not begin with it.
pub(super) fn after_token<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.strip_prefix('$')?;
    match rest.strip_prefix('{') {
        Some(rest) => rest.strip_prefix(name)?.strip_prefix('}'),
        None => rest.strip_prefix(name),
    }
}
