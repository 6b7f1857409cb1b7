//! The exported names that a Go file declares (The Go Programming Language Specification, "Exported identifiers").

use std::collections::BTreeSet;

use camino::Utf8Path;

/// Returns the exported names of a file: `Open` of a function, type, variable or constant, `Conn.Close` of a method. A
/// file that cannot be read has none: go reports it.
pub(super) fn exports_of(path: &Utf8Path) -> BTreeSet<String> {
    crossdock_fs::read_text(path.as_std_path()).map(|text| exports(&text)).unwrap_or_default()
}

fn exports(source: &str) -> BTreeSet<String> {
    let tokens = tokens(source);
    let mut names = BTreeSet::new();
    for declaration in declarations(&tokens) {
        match declaration {
            [Token::Word("func"), Token::Mark('('), rest @ ..] => names.extend(method(rest)),
            [Token::Word("func" | "type"), Token::Word(name), ..] => names.extend(exported(name)),
            [Token::Word("type"), Token::Mark('('), specs @ ..] => {
                for spec in declarations(specs) {
                    names.extend(first_names(spec).take(1).filter_map(exported));
                }
            }
            [Token::Word("var" | "const"), Token::Mark('('), specs @ ..] => {
                for spec in declarations(specs) {
                    names.extend(first_names(spec).filter_map(exported));
                }
            }
            [Token::Word("var" | "const"), spec @ ..] => names.extend(first_names(spec).filter_map(exported)),
            _ => {}
        }
    }
    names
}

fn exported(name: &str) -> Option<String> {
    name.starts_with(char::is_uppercase).then(|| name.to_owned())
}

/// Returns `Type.Method` for the tokens after the parenthesis of a receiver.
fn method(tokens: &[Token<'_>]) -> Option<String> {
    let end = tokens.iter().position(|token| *token == Token::Mark(')'))?;
    let receiver = tokens[..end].split(|token| *token == Token::Mark('[')).next()?;
    let name = receiver.iter().rev().find_map(|token| match token {
        Token::Word(name) => Some(*name),
        _ => None,
    })?;
    match tokens.get(end + 1)? {
        Token::Word(method) => Some(format!("{}.{}", exported(name)?, exported(method)?)),
        _ => None,
    }
}

/// Returns the names that a specification declares: `A` and `B` of `A, B = 1, 2`.
fn first_names<'t, 's>(spec: &'t [Token<'s>]) -> impl Iterator<Item = &'s str> + use<'t, 's> {
    let is_list = |index: usize| index == 0 || spec.get(index - 1) == Some(&Token::Mark(','));
    spec.chunks(2).enumerate().map_while(move |(index, pair)| match pair.first()? {
        Token::Word(name) if is_list(2 * index) => Some(*name),
        _ => None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A number, a string or a rune.
    Literal,
    /// Another character.
    Mark(char),
    /// The end of a declaration, which may be the end of a line.
    End,
}

/// Splits tokens into declarations, up to the bracket that closes what is around them. Those in brackets stay together.
fn declarations<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') if depth == 0 => {
                found.push(&tokens[start..index]);
                return found;
            }
            Token::Mark(')' | ']' | '}') => depth -= 1,
            Token::End if depth == 0 => {
                found.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    found.push(&tokens[start..]);
    found
}

/// Splits a file into tokens, with the semicolons that Go inserts at ends of lines (specification, "Semicolons").
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\n' => {
                tokens.extend(ends_line(tokens.last()).then_some(Token::End));
                1
            }
            ';' => {
                tokens.push(Token::End);
                1
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                let comment = rest.find("*/").map_or(rest, |end| &rest[..end + 2]);
                tokens.extend((comment.contains('\n') && ends_line(tokens.last())).then_some(Token::End));
                comment.len()
            }
            '"' | '`' | '\'' => {
                tokens.push(Token::Literal);
                literal(rest, first)
            }
            _ if first.is_alphabetic() || first == '_' => {
                let word = word(rest);
                tokens.push(Token::Word(word));
                word.len()
            }
            _ if first.is_ascii_digit() => {
                tokens.push(Token::Literal);
                rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len())
            }
            _ => {
                tokens.extend((!first.is_whitespace()).then_some(Token::Mark(first)));
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Returns the length of a string or rune that begins with `quote`.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return index + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Returns whether a declaration may end after a token.
fn ends_line(last: Option<&Token<'_>>) -> bool {
    const OPEN: [&str; 9] = ["func", "type", "var", "const", "import", "package", "map", "chan", "struct"];
    match last {
        Some(Token::Word(word)) => !OPEN.contains(word),
        Some(Token::Literal | Token::Mark(')' | ']' | '}')) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_names_of_every_kind_of_declaration_are_found() {
        let source = r#"// Package db has C. func Comment() {}
package db

/*
#include "x.h"
func InC() {}
*/
import "C"

import (
	"Fmt"
)

const Version = "1; func InText() {}"
const (
	First = iota // Trailing
	Second
	third
	Fourth, Fifth = 'a', '\''
)

var Default, other, More = func() int { type Inner int; return 1 }(), 2,
	Continued
var (
	Table = map[string]int{
		"A": 1,
	}
	_ = `raw
func Raw() {}
`
)

type Conn struct {
	Field int
	C.Embedded
}
type (
	Alias = Conn
	List[T any] []T
	private int
)

func Open(name string) (*Conn, error) { var Local int; return nil, nil }
func open() {}
func Generic[T any](t T) T { return t }
func (c *Conn) Close() error { return nil }
func (Conn) close() {}
func (l List[T]) Len() int { return 0 }
func (*private) Hidden() {}
func ÜberName() {}
"#;
        let names: Vec<String> = exports(source).into_iter().collect();
        assert_eq!(
            names.join(" "),
            "Alias Conn Conn.Close Default Fifth First Fourth Generic List List.Len More Open Second Table Version ÜberName"
        );
    }

    #[test]
    fn broken_files_are_read_to_their_end() {
        for source in ["func (", "type (", "\"", "'", "`", "/*", "func (c *Conn", ")))", "var (A", "é'\\"] {
            assert!(exports(source).len() <= 1, "{source}");
        }
    }
}
