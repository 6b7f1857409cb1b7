//! Variable substitution in arguments: `$NAME`, `${NAME}`, `${NAME:-value}`.

use std::collections::BTreeMap;

/// The variables in scope of an instruction. `None` is a variable that is declared without a default.
pub type Scope = BTreeMap<String, Option<String>>;

/// Returns a text with its variables replaced and its quotes removed. `None` if a variable has no known value, if only
/// a shell knows the kind of substitution, or if the result would exceed 65,536 bytes.
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

/// The deepest nesting of substitutions that is expanded: recursion on hostile input must not exhaust the stack.
const DEEPEST: usize = 32;

/// The longest value in bytes. `A=$A$A` on consecutive lines doubles the value each time: 40 lines would need a
/// terabyte.
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

/// Returns the names of the variables in a text, each with its byte position.
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

/// Returns the position of the brace that closes the open one.
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

/// Returns the variable name at the start of a text. Positional parameters (`$1`) are not build variables.
fn name(text: &str) -> &str {
    let digit = text.starts_with(|first: char| first.is_ascii_digit());
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    if digit { "" } else { &text[..end.unwrap_or(text.len())] }
}
