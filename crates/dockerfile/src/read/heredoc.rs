//! Here-documents: the lines that follow `RUN <<EOF` up to `EOF`.
//!
//! The word that announces one is found by a port of BuildKit's shell-like lexer (`frontend/dockerfile/shell/lex.go`),
//! in which no variable is set: its quirks decide where an instruction ends.

use super::error::Problem;

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The line that terminates it.
    pub name: String,
    /// Whether variables in the content are replaced: not if any part of the name is quoted.
    pub expand: bool,
    /// Whether leading tabs of its lines are dropped (`<<-`).
    pub chomp: bool,
    /// Its lines without the terminating one.
    pub content: String,
    /// The line of the file on which its content begins, counted from 1.
    pub line: usize,
}

impl Heredoc {
    /// Returns whether a line terminates the here-document.
    pub(super) fn ends_at(&self, line: &str) -> bool {
        let line = line.trim_end_matches(['\r', '\n']);
        let line = if self.chomp { line.trim_start_matches('\t') } else { line };
        line == self.name
    }
}

/// Returns the here-documents that an instruction's line announces, without content.
pub(super) fn announced(line: &str) -> Result<Vec<Heredoc>, Problem> {
    if !line.contains("<<") {
        return Ok(Vec::new());
    }
    // BuildKit ignores the lexer's error here: a line that it cannot split announces nothing.
    let words = words(line, Raw::All).unwrap_or_default();
    words.iter().filter_map(|word| from_word(word).transpose()).collect()
}

/// Parses `^(\d*)<<(-?)\s*([^<]*)$`, the pattern that BuildKit applies to each word.
fn from_word(word: &str) -> Result<Option<Heredoc>, Problem> {
    let Some(mark) = word.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("<<") else {
        return Ok(None);
    };
    let (chomp, name) = mark.strip_prefix('-').map_or((false, mark), |name| (true, name));
    let name = name.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    if name.is_empty() || name.contains('<') {
        return Ok(None);
    }
    let unreadable = |_: LexError| Problem::HeredocName(word.to_owned());
    let bare = words(name, Raw::Nothing).map_err(unreadable)?;
    let [bare] = bare.as_slice() else { return Ok(None) };
    let raw = words(name, Raw::Quotes).map_err(unreadable)?.concat();
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = quotes(bare) == quotes(&raw);
    Ok(Some(Heredoc { name: bare.clone(), expand, chomp, content: String::new(), line: 0 }))
}

/// The quoting that is kept in the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Raw {
    /// Quotes and escapes are kept.
    All,
    /// Only quotes are kept.
    Quotes,
    /// Neither is kept.
    Nothing,
}

/// A text that cannot be split: a quote or a brace is not closed, or a substitution is malformed.
#[derive(Debug, PartialEq, Eq)]
struct LexError;

/// The deepest nesting of substitutions: recursion on hostile input must not exhaust the stack.
const DEEPEST: usize = 64;

/// Splits a text into words.
fn words(text: &str, raw: Raw) -> Result<Vec<String>, LexError> {
    let mut lexer = Lexer {
        characters: text.chars().collect(),
        position: 0,
        raw_quotes: raw != Raw::Nothing,
        buffer: String::new(),
        depth: 0,
    };
    let (_, words) = lexer.until(None, raw == Raw::All)?;
    Ok(words)
}

struct Lexer {
    characters: Vec<char>,
    position: usize,
    raw_quotes: bool,
    /// The word being read. BuildKit shares this buffer between a word and the substitutions in it, so that the part of
    /// a word before `${a:-b}` is lost. The same mistake is made here on purpose, to find the same here-documents.
    buffer: String,
    depth: usize,
}

#[derive(Default)]
struct Words {
    done: Vec<String>,
    inside: bool,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.position += usize::from(next.is_some());
        next
    }

    /// Reads up to `stop`, or to the end, and returns the text and its words.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool) -> Result<(String, Vec<String>), LexError> {
        self.buffer.clear();
        let mut text = String::new();
        let mut words = Words::default();
        while let Some(character) = self.peek() {
            if Some(character) == stop {
                self.next();
                return Ok((text, self.finish(words)));
            }
            match character {
                '$' => {
                    let part = self.dollar()?;
                    text.push_str(&part);
                    part.chars().for_each(|character| self.add(&mut words, character));
                }
                '\'' | '"' | '<' => {
                    let part = self.special(character, raw_escapes)?;
                    text.push_str(&part);
                    self.add_raw(&mut words, &part);
                }
                '\\' => self.escaped(raw_escapes, &mut text, &mut words),
                _ => {
                    self.next();
                    self.add(&mut words, character);
                    text.push(character);
                }
            }
        }
        if stop.is_some() { Err(LexError) } else { Ok((text, self.finish(words))) }
    }

    fn special(&mut self, character: char, raw_escapes: bool) -> Result<String, LexError> {
        match character {
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(raw_escapes),
            _ => Ok(self.less_than()),
        }
    }

    fn escaped(&mut self, raw_escapes: bool, text: &mut String, words: &mut Words) {
        self.next();
        if raw_escapes {
            self.add_raw(words, "\\");
            text.push('\\');
        }
        if let Some(character) = self.next() {
            self.add_raw(words, character.encode_utf8(&mut [0; 4]));
            text.push(character);
        }
    }

    fn single_quoted(&mut self) -> Result<String, LexError> {
        self.next();
        let mut text = String::from(if self.raw_quotes { "'" } else { "" });
        loop {
            match self.next().ok_or(LexError)? {
                '\'' if self.raw_quotes => return Ok(text + "'"),
                '\'' => return Ok(text),
                character => text.push(character),
            }
        }
    }

    fn double_quoted(&mut self, raw_escapes: bool) -> Result<String, LexError> {
        self.next();
        let mut text = String::from(if self.raw_quotes { "\"" } else { "" });
        loop {
            match self.peek().ok_or(LexError)? {
                '"' => {
                    self.next();
                    text.push_str(if self.raw_quotes { "\"" } else { "" });
                    return Ok(text);
                }
                '$' => text.push_str(&self.dollar()?),
                '\\' => {
                    self.next();
                    text.push_str(if raw_escapes { "\\" } else { "" });
                    match self.peek() {
                        Some('"' | '$' | '\\') => text.extend(self.next()),
                        Some(_) => text.push('\\'),
                        None => {}
                    }
                }
                character => {
                    self.next();
                    text.push(character);
                }
            }
        }
    }

    /// Reads `<` or `<<`. The blanks after `<<` become part of its word, as `RUN << EOF` is a here-document.
    fn less_than(&mut self) -> String {
        self.next();
        if self.peek() != Some('<') {
            return "<".to_owned();
        }
        self.next();
        let mut mark = String::from("<<");
        while let Some(blank @ (' ' | '\t' | '\r')) = self.peek() {
            mark.push(blank);
            self.next();
        }
        mark
    }

    fn dollar(&mut self) -> Result<String, LexError> {
        self.next();
        if self.peek() != Some('{') {
            return Ok(format!("${}", self.name()));
        }
        self.next();
        if matches!(self.peek(), None | Some('{' | '}' | ':')) || self.depth == DEEPEST {
            return Err(LexError);
        }
        self.depth += 1;
        let text = self.substitution();
        self.depth -= 1;
        text
    }

    fn substitution(&mut self) -> Result<String, LexError> {
        let name = self.name();
        let modifier = self.next().ok_or(LexError)?;
        match modifier {
            '}' => Ok(format!("${{{name}}}")),
            ':' => {
                let second = self.next().filter(|second| !matches!(second, '#' | '%')).ok_or(LexError)?;
                let (word, _) = self.until(Some('}'), false)?;
                Ok(format!("${{{name}:{second}{word}}}"))
            }
            '+' | '-' | '?' | '#' | '%' => {
                let (word, _) = self.until(Some('}'), matches!(modifier, '#' | '%'))?;
                Ok(format!("${{{name}{modifier}{word}}}"))
            }
            '/' => {
                if self.peek() == Some('/') {
                    self.next();
                }
                let (pattern, _) = self.until(Some('/'), true)?;
                let (replacement, _) = self.until(Some('}'), true)?;
                Ok(format!("${{{name}/{pattern}/{replacement}}}"))
            }
            _ => Err(LexError),
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.peek() {
            if name.is_empty() && is_digit(character) {
                while let Some(digit) = self.peek().filter(|digit| is_digit(*digit)) {
                    name.push(digit);
                    self.next();
                }
                return name;
            }
            if name.is_empty() && "@*#?-$!0".contains(character) {
                self.next();
                return character.to_string();
            }
            if !character.is_alphabetic() && !is_digit(character) && character != '_' {
                break;
            }
            name.push(character);
            self.next();
        }
        name
    }

    fn add(&mut self, words: &mut Words, character: char) {
        if !character.is_whitespace() {
            self.add_raw(words, character.encode_utf8(&mut [0; 4]));
        } else if words.inside && !self.buffer.is_empty() {
            words.done.push(std::mem::take(&mut self.buffer));
            words.inside = false;
        }
    }

    fn add_raw(&mut self, words: &mut Words, text: &str) {
        self.buffer.push_str(text);
        words.inside = true;
    }

    fn finish(&mut self, mut words: Words) -> Vec<String> {
        if !self.buffer.is_empty() {
            words.done.push(std::mem::take(&mut self.buffer));
        }
        words.done
    }
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}
