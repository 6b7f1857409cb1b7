//! Simple commands in the text of a `RUN`: as much of a shell's grammar as compile steps need.

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Assignments before it, `GOARCH=arm64 go build`.
    pub(super) assignments: Vec<(String, String)>,
    /// Its words without quotes. Variables stay as they are.
    pub(super) words: Vec<String>,
    /// Where its first word stands in the text, in bytes.
    pub(super) position: usize,
    /// Where its first assignment or word stands.
    pub(super) start: usize,
}

/// Words that begin or end a compound command, after which a simple one follows.
const RESERVED: &[&str] =
    &["!", "{", "}", "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "time", "exec"];

/// The simple commands in order.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut words: Vec<(usize, String)> = Vec::new();
    for token in Tokens::new(text) {
        match token {
            Token::Word(position, word) => words.push((position, word)),
            Token::End => commands.extend(command(std::mem::take(&mut words))),
        }
    }
    commands.extend(command(words));
    commands
}

fn command(words: Vec<(usize, String)>) -> Option<Command> {
    let mut words = words.into_iter().skip_while(|(_, word)| RESERVED.contains(&word.as_str())).peekable();
    let start = words.peek()?.0;
    let mut assignments = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|(_, word)| assignment(word)) {
        assignments.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    if words.peek().is_some_and(|(_, word)| word == "env") {
        words.next();
        while let Some((name, value)) = words.peek().and_then(|(_, word)| assignment(word)) {
            assignments.push((name.to_owned(), value.to_owned()));
            words.next();
        }
    }
    let position = words.peek().map_or(start, |(position, _)| *position);
    Some(Command { assignments, words: words.map(|(_, word)| word).collect(), position, start })
}

/// A word that assigns: `NAME=value`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (starts && rest).then_some((name, value))
}

enum Token {
    Word(usize, String),
    End,
}

struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.position..)?.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    /// `$(…)`, as it stands; one that does not close is split where its parenthesis stands.
    fn substitution(&mut self) -> &'a str {
        let rest = &self.text[self.position..];
        let length = closed(rest).unwrap_or(1);
        self.position += length;
        &rest[..length]
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        let mut quote = None;
        while let Some(character) = self.peek() {
            match quote {
                None if character == '$' && self.text[self.position..].starts_with("$(") => {
                    word.push_str(self.substitution());
                    continue;
                }
                None if character.is_whitespace() || is_end(character) => break,
                None if character == '\'' || character == '"' => quote = Some(character),
                Some(open) if open == character => quote = None,
                _ if character == '\\' && quote != Some('\'') => {
                    self.bump();
                    word.extend(self.peek().filter(|escaped| *escaped != '\n'));
                }
                _ => word.push(character),
            }
            self.bump();
        }
        word
    }
}

/// How many characters of a substitution are looked at.
const LONGEST: usize = 4_096;

/// Where a substitution closes. Quotes hide parentheses, and the patterns of a `case` have some that open nothing.
fn closed(text: &str) -> Option<usize> {
    let (mut depth, mut cases, mut word, mut quote) = (0_usize, 0_usize, 0, None);
    text.char_indices().take(LONGEST).find_map(|(position, character)| {
        if !character.is_alphanumeric() {
            match &text[word..position] {
                "case" => cases += 1,
                "esac" => cases = cases.saturating_sub(1),
                _ => {}
            }
            word = position + character.len_utf8();
        }
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') if cases == 0 => depth += 1,
            (None, ')') if cases == 0 => depth -= 1,
            _ => {}
        }
        (depth == 0 && character == ')' && cases == 0 && quote.is_none()).then_some(position + 1)
    })
}

fn is_end(character: char) -> bool {
    matches!(character, ';' | '&' | '|' | '\n' | '(' | ')' | '`')
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let character = self.peek()?;
            if is_end(character) {
                self.bump();
                return Some(Token::End);
            }
            if !character.is_whitespace() {
                break;
            }
            self.bump();
        }
        let position = self.position;
        if self.peek() == Some('#') {
            let rest = &self.text[position..];
            self.position += rest.find('\n').unwrap_or(rest.len());
            return Some(Token::End);
        }
        Some(Token::Word(position, self.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        commands(text)
            .iter()
            .map(|command| format!("{:?} {:?} @{}", command.assignments, command.words, command.position))
            .collect()
    }

    #[test]
    fn substitutions_stay_in_their_word() {
        assert_eq!(
            shown("A=$(case $X in a) echo b ;; (c) echo ')' ;; esac)-d go build $(echo \")\") x"),
            [
                r#"[("A", "$(case $X in a) echo b ;; (c) echo ')' ;; esac)-d")] ["go", "build", "$(echo \")\")", "x"] @52"#
            ]
        );
        assert_eq!(
            shown("X=$(echo; go build"),
            [r#"[("X", "$")] [] @0"#, r#"[] ["echo"] @4"#, r#"[] ["go", "build"] @10"#]
        );
    }

    #[test]
    fn commands_are_told_apart() {
        assert_eq!(
            shown(
                "set -eu; CGO_ENABLED=0 GOARCH=\"$TARGETARCH\" go build -o /x . && if true; then cargo build; fi # go build"
            ),
            [
                r#"[] ["set", "-eu"] @0"#,
                r#"[("CGO_ENABLED", "0"), ("GOARCH", "$TARGETARCH")] ["go", "build", "-o", "/x", "."] @44"#,
                r#"[] ["true"] @67"#,
                r#"[] ["cargo", "build"] @78"#,
            ]
        );
        assert_eq!(shown("env A=b go build"), [r#"[("A", "b")] ["go", "build"] @8"#]);
        assert_eq!(
            shown("export GOOS=linux\ngo 'b u'ild"),
            [r#"[] ["export", "GOOS=linux"] @0"#, r#"[] ["go", "b uild"] @18"#]
        );
    }
}
