//! Variables in values of `env`: `$NAME`, `${NAME}` and `${NAME:-word}`, as `ENV` of a Dockerfile expands them (BuildKit,
//! `frontend/dockerfile/shell`), with three differences: `$$` is a dollar, a variable without a value is an error, and
//! quotes are ordinary characters, because TOML has its own.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use crate::template::OUTPUT_START;

/// The variables that a value may use.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The variables of the base image and of earlier keys.
    pub(super) values: BTreeMap<String, String>,
    /// The names of later keys.
    pub(super) later: BTreeSet<String>,
    /// The value of each variable that is in neither; `None` if no other variable exists. Those of a base image
    /// whose variables are not known yet have one.
    pub(super) others: Option<String>,
}

/// A part of a value that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubstitutionError {
    /// The bytes of the value.
    pub(super) place: Range<usize>,
    pub(super) reason: String,
    pub(super) help: String,
}

/// The longest string that execve(2) passes to a program: MAX_ARG_STRLEN of Linux.
const LONGEST: usize = 128 * 1024;

/// The deepest nesting of `${A:-${B:-…}}`: recursion must not exhaust the stack.
const DEEPEST: usize = 32;

/// Returns a value with its variables replaced.
pub(super) fn substitute(text: &str, scope: &Scope) -> Result<String, SubstitutionError> {
    let mut reader = Reader { text, rest: text.char_indices().peekable() };
    let parts = reader.parts(End::Text, 0)?;
    let mut result = String::new();
    evaluate(&parts, scope, &mut result)?;
    Ok(result)
}

/// A piece of a value.
enum Part<'a> {
    Literal(&'a str),
    Variable { name: &'a str, place: Range<usize>, modifier: Option<Modifier<'a>> },
}

/// The rest of `${NAME:-word}` after the name.
struct Modifier<'a> {
    kind: ModifierKind,
    /// Whether an empty value counts as none, which the colon asks for.
    empty_is_unset: bool,
    word: Vec<Part<'a>>,
}

#[derive(Clone, Copy)]
enum ModifierKind {
    Default,
    Alternative,
    Required,
}

/// Where a list of parts ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Text,
    /// At the `}` of the variable that begins at this byte.
    Brace(usize),
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl<'a> Reader<'a> {
    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(position, _)| *position)
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn parts(&mut self, end: End, depth: usize) -> Result<Vec<Part<'a>>, SubstitutionError> {
        let mut parts = Vec::new();
        loop {
            let start = self.position();
            let is_special = |character: char| match character {
                '$' | '\\' => true,
                '}' => matches!(end, End::Brace(_)),
                _ => false,
            };
            while self.rest.next_if(|(_, character)| !is_special(*character)).is_some() {}
            let position = self.position();
            if position > start {
                parts.push(Part::Literal(&self.text[start..position]));
            }
            match (self.rest.next().map(|(_, character)| character), end) {
                (None, End::Text) => return Ok(parts),
                (None, End::Brace(opened)) => return Err(self.unclosed(opened)),
                (Some('}'), _) => return Ok(parts),
                (Some('\\'), _) if self.peek() == Some('$') => {
                    return Err(SubstitutionError {
                        place: position..position + 2,
                        reason: "`\\$` does not escape the dollar".to_owned(),
                        help: "write `$$` for a dollar".to_owned(),
                    });
                }
                (Some('$'), _) => parts.push(self.dollar(position, depth)?),
                (Some(_), _) => parts.push(Part::Literal(&self.text[position..=position])),
            }
        }
    }

    /// Reads what follows a `$` at a position.
    fn dollar(&mut self, position: usize, depth: usize) -> Result<Part<'a>, SubstitutionError> {
        match self.peek() {
            Some('$') => {
                self.rest.next();
                Ok(Part::Literal("$"))
            }
            Some('{') => {
                self.rest.next();
                self.braced(position, depth + 1)
            }
            // Dockerfiles replace positional and special parameters by nothing.
            Some(character) if character.is_ascii_digit() || "@*#?-!".contains(character) => {
                Err(SubstitutionError {
                    place: position..position + 2,
                    reason: format!("`${character}` is a parameter of a shell, which an image does not have"),
                    help: format!("write `$${character}` for the text"),
                })
            }
            Some(OUTPUT_START) => Err(SubstitutionError {
                place: position..position + 1,
                reason: "a template cannot give the name of a variable".to_owned(),
                help: "write `$$` for a dollar".to_owned(),
            }),
            _ => match self.name() {
                "" => Ok(Part::Literal("$")),
                name => Ok(Part::Variable { name, place: position..self.position(), modifier: None }),
            },
        }
    }

    /// Reads a variable in braces, from the name on.
    fn braced(&mut self, opened: usize, depth: usize) -> Result<Part<'a>, SubstitutionError> {
        let name = self.name();
        let colon = self.rest.next_if(|(_, character)| *character == ':').is_some();
        let kind = match self.rest.next().map(|(_, character)| character) {
            Some('}') if !colon && !name.is_empty() => {
                return Ok(Part::Variable { name, place: opened..self.position(), modifier: None });
            }
            Some('-') => Some(ModifierKind::Default),
            Some('+') => Some(ModifierKind::Alternative),
            Some('?') => Some(ModifierKind::Required),
            Some(_) => None,
            None => return Err(self.unclosed(opened)),
        };
        let Some(kind) = kind.filter(|_| !name.is_empty() && depth <= DEEPEST) else {
            return Err(SubstitutionError {
                place: opened..self.position(),
                reason: format!("`{}` is not a variable", &self.text[opened..self.position()]),
                help: "write `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?message}` or the same without the \
                       colon; `$$` is a dollar"
                    .to_owned(),
            });
        };
        let word = self.parts(End::Brace(opened), depth)?;
        let modifier = Some(Modifier { kind, empty_is_unset: colon, word });
        Ok(Part::Variable { name, place: opened..self.position(), modifier })
    }

    fn unclosed(&self, opened: usize) -> SubstitutionError {
        SubstitutionError {
            place: opened..self.text.len(),
            reason: "`${` has no `}`".to_owned(),
            help: "close it, or write `$$` for a dollar".to_owned(),
        }
    }

    fn name(&mut self) -> &'a str {
        let start = self.position();
        if self.peek().is_some_and(char::is_numeric) {
            return "";
        }
        while self.rest.next_if(|(_, character)| character.is_alphanumeric() || *character == '_').is_some() {
        }
        &self.text[start..self.position()]
    }
}

/// Appends the value of parts. A word that is not taken may use a variable without a value.
fn evaluate(parts: &[Part<'_>], scope: &Scope, result: &mut String) -> Result<(), SubstitutionError> {
    for part in parts {
        match part {
            Part::Literal(text) => result.push_str(text),
            Part::Variable { name, place, modifier } => {
                variable(name, place, modifier.as_ref(), scope, result)?;
                if result.len() > LONGEST {
                    return Err(SubstitutionError {
                        place: place.clone(),
                        reason: format!(
                            "the value is longer than the {LONGEST} bytes that Linux passes to a program"
                        ),
                        help: "shorten it".to_owned(),
                    });
                }
            }
        }
    }
    Ok(())
}

fn variable(
    name: &str,
    place: &Range<usize>,
    modifier: Option<&Modifier<'_>>,
    scope: &Scope,
    result: &mut String,
) -> Result<(), SubstitutionError> {
    let other = || scope.others.as_ref().filter(|_| !scope.later.contains(name));
    let value = scope.values.get(name).or_else(other);
    let Some(Modifier { kind, empty_is_unset, word }) = modifier else {
        return match value {
            Some(value) => {
                result.push_str(value);
                Ok(())
            }
            None => Err(without_value(name, place, scope)),
        };
    };
    match (kind, value.filter(|value| !(*empty_is_unset && value.is_empty()))) {
        (ModifierKind::Default, None) | (ModifierKind::Alternative, Some(_)) => evaluate(word, scope, result),
        (ModifierKind::Alternative, None) => Ok(()),
        (ModifierKind::Default | ModifierKind::Required, Some(value)) => {
            result.push_str(value);
            Ok(())
        }
        (ModifierKind::Required, None) => {
            let mut message = String::new();
            evaluate(word, scope, &mut message)?;
            let state = if value.is_some() { "is empty" } else { "has no value" };
            let separator = if message.is_empty() { "" } else { ": " };
            Err(SubstitutionError {
                place: place.clone(),
                reason: format!("`{name}` {state}{separator}{message}"),
                help: format!("set `{name}` in an earlier line"),
            })
        }
    }
}

fn without_value(name: &str, place: &Range<usize>, scope: &Scope) -> SubstitutionError {
    let (reason, help) = match scope.later.contains(name) {
        true => (format!("`{name}` has no value yet: a later line sets it"), "move that line up".to_owned()),
        false => (
            format!("`{name}` has no value: neither the base image nor an earlier line sets it"),
            format!("write `$${name}` for the text, or `${{{name}:-}}` for an empty value"),
        ),
    };
    SubstitutionError { place: place.clone(), reason, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let values = [("PATH", "/usr/bin:/bin"), ("EMPTY", ""), ("A", "a"), ("größe", "7")];
        Scope {
            values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            later: ["LATER".to_owned()].into(),
            others: None,
        }
    }

    #[test]
    fn variables_expand_as_in_a_dockerfile() {
        for (text, expected) in [
            ("", ""),
            ("plain 'x' \"y\" \\n }", "plain 'x' \"y\" \\n }"),
            ("/opt/bin:$PATH", "/opt/bin:/usr/bin:/bin"),
            ("${PATH}:/opt/bin", "/usr/bin:/bin:/opt/bin"),
            ("$A.b-$A/c", "a.b-a/c"),
            ("$größe", "7"),
            ("${NONE:-x y}", "x y"),
            ("${NONE:-}", ""),
            ("${EMPTY:-x}|${EMPTY-x}|${EMPTY:+x}|${EMPTY+x}", "x|||x"),
            ("${NONE-x}|${NONE:+x}|${NONE+x}|${A:+x}|${A:-x}", "x|||x|a"),
            ("${NONE:-${A}${NONE:-$A}}", "aa"),
            ("${A:-$NONE}", "a"),
            ("${A:?message}${A?}${EMPTY?}", "aa"),
            // BuildKit ends a word at its first brace.
            ("${A:-{x}}", "a}"),
            ("${NONE:-{x}}", "{x}"),
            ("$$", "$"),
            ("$$A $$$A $${A} pa$$$$word", "$A $a ${A} pa$$word"),
            ("^/api/.*$", "^/api/.*$"),
            ("$ $. $\" $/", "$ $. $\" $/"),
        ] {
            assert_eq!(substitute(text, &scope()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_is_an_error_at_its_place() {
        let failure = |text: &str| {
            let SubstitutionError { place, reason, help } = substitute(text, &scope()).unwrap_err();
            format!("{reason}; {help} [{}]", &text[place])
        };
        insta::assert_snapshot!(failure("a $NONE b"), @"`NONE` has no value: neither the base image nor an earlier line sets it; write `$$NONE` for the text, or `${NONE:-}` for an empty value [$NONE]");
        insta::assert_snapshot!(failure("${LATER}"), @"`LATER` has no value yet: a later line sets it; move that line up [${LATER}]");
        insta::assert_snapshot!(failure("${NONE:?set it}"), @"`NONE` has no value: set it; set `NONE` in an earlier line [${NONE:?set it}]");
        insta::assert_snapshot!(failure("${EMPTY:?}"), @"`EMPTY` is empty; set `EMPTY` in an earlier line [${EMPTY:?}]");
        insta::assert_snapshot!(failure("costs $5"), @"`$5` is a parameter of a shell, which an image does not have; write `$$5` for the text [$5]");
        assert!(failure(&format!("${OUTPUT_START}1")).contains("a template cannot give the name"));
        insta::assert_snapshot!(failure("$!"), @"`$!` is a parameter of a shell, which an image does not have; write `$$!` for the text [$!]");
        insta::assert_snapshot!(failure(r"\$A"), @r"`\$` does not escape the dollar; write `$$` for a dollar [\$]");
        insta::assert_snapshot!(failure("é ${A"), @"`${` has no `}`; close it, or write `$$` for a dollar [${A]");
        insta::assert_snapshot!(failure("${A:-x"), @"`${` has no `}`; close it, or write `$$` for a dollar [${A:-x]");
        insta::assert_snapshot!(failure("${}"), @"`${}` is not a variable; write `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?message}` or the same without the colon; `$$` is a dollar [${}]");
        insta::assert_snapshot!(failure("${A:}"), @"`${A:}` is not a variable; write `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?message}` or the same without the colon; `$$` is a dollar [${A:}]");
        insta::assert_snapshot!(failure("${PATH#/usr}"), @"`${PATH#` is not a variable; write `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?message}` or the same without the colon; `$$` is a dollar [${PATH#]");
        insta::assert_snapshot!(failure("${A/x/y}"), @"`${A/` is not a variable; write `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, `${NAME:?message}` or the same without the colon; `$$` is a dollar [${A/]");
        insta::assert_snapshot!(failure("${"), @"`${` has no `}`; close it, or write `$$` for a dollar [${]");
    }

    #[test]
    fn deep_and_long_values_end() {
        let deep = format!("{}{}", "${N:-".repeat(10_000), "}".repeat(10_000));
        assert!(substitute(&deep, &scope()).is_err());
        let mut scope = scope();
        scope.values.insert("LONG".to_owned(), "x".repeat(LONGEST / 2 + 1));
        assert!(substitute("$LONG", &scope).is_ok());
        assert!(substitute("$LONG$LONG", &scope).unwrap_err().reason.contains("longer"));
    }
}
