//! Variables in arguments: `$NAME`, `${NAME}`, `${NAME:-value}`.

use std::collections::BTreeMap;

/// The variables that an instruction sees. A name without value is declared and empty until somebody gives it one.
pub type Scope = BTreeMap<String, Option<String>>;

/// A text with its variables replaced and its quotes removed; none when a variable in it has no known value, a
/// substitution is of a kind that only a shell knows, or more than 65,536 bytes would come of it.
///
/// ```
/// use crossdock_dockerfile::read::{Scope, expand};
///
/// let scope = Scope::from([("TAG".to_owned(), Some("1.26".to_owned()))]);
/// assert_eq!(expand("golang:${TAG}-${VARIANT:-alpine}", &scope).as_deref(), Some("golang:1.26-alpine"));
/// assert_eq!(expand("golang:$OTHER", &scope), None);
/// ```
pub fn expand(text: &str, scope: &Scope) -> Option<String> {
    expand_at(text, scope, 0)
}

/// How deep substitutions may stand in each other.
const DEEPEST: usize = 32;

/// The longest value, in bytes: `A=$A$A` in a row of lines doubles it each time, and `A=$B$A` adds to it.
const LONGEST: usize = 65_536;

fn expand_at(text: &str, scope: &Scope, depth: usize) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    let (mut single, mut double) = (false, false);
    while let Some(character) = rest.chars().next() {
        if result.len() > LONGEST {
            return None;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '\\' if !single => {
                let escaped = rest.chars().next()?;
                result.push(escaped);
                rest = &rest[escaped.len_utf8()..];
            }
            '$' if !single => {
                let (value, after) = variable(rest, scope, depth + 1)?;
                result.push_str(&value);
                rest = after;
            }
            _ => result.push(character),
        }
    }
    (result.len() <= LONGEST).then_some(result)
}

/// The names of the variables in a text, with the position of each in bytes.
pub(crate) fn variables(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (position, _) in text.match_indices('$') {
        let rest = &text[position + 1..];
        let name = name(rest.strip_prefix('{').unwrap_or(rest));
        let escaped = text[..position].ends_with('\\') && !text[..position].ends_with("\\\\");
        if !name.is_empty() && !escaped {
            found.push((position, name));
        }
    }
    found
}

fn variable<'a>(rest: &'a str, scope: &Scope, depth: usize) -> Option<(String, &'a str)> {
    if depth > DEEPEST {
        return None;
    }
    let Some(braced) = rest.strip_prefix('{') else {
        let name = name(rest);
        let value = if name.is_empty() { "$".to_owned() } else { scope.get(name)?.clone()? };
        return Some((value, &rest[name.len()..]));
    };
    let (inner, after) = braced.split_at(closing(braced)?);
    let name = name(inner);
    let value = scope.get(name).cloned().flatten();
    let full = value.clone().filter(|value| !value.is_empty());
    let modifier = &inner[name.len()..];
    let expanded = match modifier {
        "" => value?,
        _ => match (modifier.strip_prefix(":-"), modifier.strip_prefix('-')) {
            (Some(default), _) => full.or_else(|| expand_at(default, scope, depth))?,
            (_, Some(default)) => value.or_else(|| expand_at(default, scope, depth))?,
            _ => {
                let word = modifier.strip_prefix(":+")?;
                full.map_or(Some(String::new()), |_| expand_at(word, scope, depth))?
            }
        },
    };
    Some((expanded, &after[1..]))
}

/// Where the brace that is open closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (position, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(position),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name(text: &str) -> &str {
    let digit = text.starts_with(|first: char| first.is_ascii_digit());
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    if digit { "" } else { &text[..end.unwrap_or(text.len())] }
}
