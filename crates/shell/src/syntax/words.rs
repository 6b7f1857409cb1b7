//! Reads words: quotes, parameters, substitutions.

use crate::outcome::SyntaxError;
use crate::pattern::{Side, Size};
use crate::start::Dialect;
use crate::syntax::reader::{Parsed, Parser};
use crate::syntax::tree::{Operation, Piece, Word};

/// Where a word ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Blanks and operators: a word of a command.
    Blank,
    /// `}`, outside of double quotes.
    Brace,
    /// `}`, within double quotes: single quotes are text.
    QuotedBrace,
    /// `/` or `}`: the pattern of `${x/p/w}`.
    Slash,
    /// `:` or `}`: the offset of `${x:1:2}`.
    Colon,
    /// `]`: an array's index.
    Bracket,
    /// The end of the text: here-documents.
    Document,
    /// Blanks only: the pattern after `=~`, in which parentheses and `|` are text.
    Expression,
}

impl Until {
    fn is_quoted(self) -> bool {
        matches!(self, Self::QuotedBrace | Self::Document)
    }
}

pub(crate) fn is_name_start(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_'
}

pub(crate) fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Whether a text is the name of a variable.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_char)
}

/// Pieces of a word in the making.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
}

impl Pieces {
    fn char(&mut self, char: char, quoted: bool) {
        // U+FFFD is where the text was not UTF-8: its bytes are not known.
        if char == '\u{fffd}' {
            self.pieces.push(Piece::Unknown { quoted });
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Text { text, quoted: last }) if *last == quoted => text.push(char),
            _ => self.pieces.push(Piece::Text { text: char.to_string(), quoted }),
        }
    }

    /// Whether the value of an assignment, or a part of it after `:`, starts here.
    fn may_assign_home(&self) -> bool {
        let (
            Some(Piece::Text { text: first, quoted: false }),
            Some(Piece::Text { text: last, quoted: false }),
        ) = (self.pieces.first(), self.pieces.last())
        else {
            return false;
        };
        let Some((name, value)) = first.split_once('=') else { return false };
        let is_start = value.is_empty() && self.pieces.len() == 1;
        super::is_name(name.trim_end_matches('+')) && (is_start || last.ends_with(':'))
    }

    /// Remembers quotes without text, which make an empty word.
    fn empty_quotes(&mut self) {
        self.pieces.push(Piece::Text { text: String::new(), quoted: true });
    }
}

impl Parser<'_> {
    /// Reads a word of a command, if one is next.
    pub(crate) fn word(&mut self) -> Parsed<Option<Word>> {
        let start = self.at;
        let word = self.word_until(Until::Blank)?;
        Ok((self.at > start).then_some(word))
    }

    pub(crate) fn word_until(&mut self, until: Until) -> Parsed<Word> {
        let position = self.position();
        self.hold()?;
        let mut pieces = Pieces::default();
        self.home(&mut pieces, until);
        while let Some(char) = self.peek() {
            if self.ends_word(char, until) {
                break;
            }
            if char == '~'
                && until == Until::Blank
                && pieces.may_assign_home()
                && self.home(&mut pieces, until)
            {
                continue;
            }
            self.piece(char, until, &mut pieces)?;
        }
        pieces.pieces.shrink_to_fit();
        Ok(Word { position, pieces: pieces.pieces })
    }

    fn ends_word(&self, char: char, until: Until) -> bool {
        match until {
            Until::Document => false,
            Until::Brace | Until::QuotedBrace => char == '}',
            Until::Slash => matches!(char, '/' | '}'),
            Until::Colon => matches!(char, ':' | '}'),
            Until::Bracket => char == ']',
            Until::Expression => matches!(char, ' ' | '\t' | '\n'),
            Until::Blank => match char {
                // BusyBox has process substitution since 1.34.
                '<' | '>' if self.dialect != Dialect::Dash && self.peek_byte(1) == b'(' => false,
                _ => matches!(char, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')'),
            },
        }
    }

    /// Reads `~` or `~user` at the beginning of a word. Returns whether it is there.
    fn home(&mut self, pieces: &mut Pieces, until: Until) -> bool {
        if !matches!(until, Until::Blank | Until::Brace) || self.peek() != Some('~') {
            return false;
        }
        let rest = &self.rest()[1..];
        let length = rest.find(|char| !(is_name_char(char) || char == '-')).unwrap_or(rest.len());
        let next = rest[length..].chars().next();
        let ends = |char| matches!(char, '/' | ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' | '}' | ':');
        let is_home = next.is_none_or(ends);
        if is_home {
            pieces.pieces.push(Piece::Home { user: rest[..length].to_owned() });
            self.at += 1 + length;
        }
        is_home
    }

    fn piece(&mut self, char: char, until: Until, pieces: &mut Pieces) -> Parsed<()> {
        match char {
            '\\' => self.backslash(until, pieces),
            '\'' if !until.is_quoted() => self.single_quotes(pieces)?,
            '"' if until != Until::Document => self.double_quotes(pieces)?,
            '$' => self.dollar(until.is_quoted(), pieces)?,
            '`' => self.backquotes(until.is_quoted(), pieces)?,
            '<' | '>' if until == Until::Blank => self.process(pieces)?,
            char => {
                self.at += char.len_utf8();
                pieces.char(char, until.is_quoted());
            }
        }
        Ok(())
    }

    fn backslash(&mut self, until: Until, pieces: &mut Pieces) {
        self.at += 1;
        match self.next() {
            None => pieces.char('\\', true),
            Some('\n') => {}
            Some(char) if !until.is_quoted() => pieces.char(char, true),
            Some(char @ ('$' | '`' | '\\')) => pieces.char(char, true),
            Some(char @ ('"' | '}')) if until == Until::QuotedBrace => pieces.char(char, true),
            Some(char) => {
                pieces.char('\\', true);
                pieces.char(char, true);
            }
        }
    }

    fn single_quotes(&mut self, pieces: &mut Pieces) -> Parsed<()> {
        let rest = &self.rest()[1..];
        let Some(end) = rest.find('\'') else {
            self.at = self.text.len();
            return self.error("Unterminated quoted string");
        };
        pieces.empty_quotes();
        rest[..end].chars().for_each(|char| pieces.char(char, true));
        self.at += end + 2;
        Ok(())
    }

    fn double_quotes(&mut self, pieces: &mut Pieces) -> Parsed<()> {
        self.at += 1;
        pieces.empty_quotes();
        loop {
            match self.peek() {
                None => return self.error("Unterminated quoted string"),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(char) => self.piece_in_quotes(char, pieces)?,
            }
        }
    }

    /// Reads a character, an escape or an expansion within double quotes.
    fn piece_in_quotes(&mut self, char: char, pieces: &mut Pieces) -> Parsed<()> {
        match char {
            '\\' => self.backslash_in_quotes(pieces),
            '$' => self.dollar(true, pieces)?,
            '`' => self.backquotes(true, pieces)?,
            char => {
                self.at += char.len_utf8();
                pieces.char(char, true);
            }
        }
        Ok(())
    }

    fn backslash_in_quotes(&mut self, pieces: &mut Pieces) {
        self.at += 1;
        match self.next() {
            Some('\n') => {}
            Some(char @ ('$' | '`' | '\\' | '"')) => pieces.char(char, true),
            Some(char) => {
                pieces.char('\\', true);
                pieces.char(char, true);
            }
            None => pieces.char('\\', true),
        }
    }

    /// Reads what begins with `$`.
    fn dollar(&mut self, quoted: bool, pieces: &mut Pieces) -> Parsed<()> {
        let after = self.peek_byte(1);
        let not_dash = self.dialect != Dialect::Dash;
        match after {
            b'(' if self.peek_byte(2) == b'(' => return self.arithmetic_or_substitution(quoted, pieces),
            b'(' => {
                self.at += 2;
                let lines = self.deeper(|parser| parser.lines_until_parenthesis())?;
                pieces.pieces.push(Piece::Substitution { lines, quoted });
            }
            b'{' => {
                self.at += 2;
                let piece = self.deeper(|parser| parser.braced_parameter(quoted))?;
                pieces.pieces.push(piece);
            }
            b'\'' if not_dash && !quoted => self.escaped_quotes(pieces)?,
            b'"' if self.dialect == Dialect::Bash && !quoted => self.at += 1,
            b'[' if self.dialect == Dialect::Bash => self.old_arithmetic(quoted, pieces)?,
            _ => self.plain_parameter(quoted, pieces),
        }
        Ok(())
    }

    fn plain_parameter(&mut self, quoted: bool, pieces: &mut Pieces) {
        self.at += 1;
        let name = match self.peek() {
            Some(char) if is_name_start(char) => self.take_while(is_name_char).to_owned(),
            Some(char) if char.is_ascii_digit() || "@*#?-$!".contains(char) => {
                self.at += 1;
                char.to_string()
            }
            _ => return pieces.char('$', quoted),
        };
        pieces.pieces.push(Piece::Parameter { name, operation: Operation::Get, quoted });
    }

    /// Reads `$((…))`, or `$( (…) …)` written without a blank.
    fn arithmetic_or_substitution(&mut self, quoted: bool, pieces: &mut Pieces) -> Parsed<()> {
        self.at += 1;
        if let Some(expression) = self.arithmetic()? {
            pieces.pieces.push(Piece::Arithmetic { expression: Box::new(expression), quoted });
            return Ok(());
        }
        self.at += 1;
        let lines = self.deeper(|parser| parser.lines_until_parenthesis())?;
        pieces.pieces.push(Piece::Substitution { lines, quoted });
        Ok(())
    }

    /// Reads `((…))`. `None` and no step forward if these are two parentheses of commands.
    pub(crate) fn arithmetic(&mut self) -> Parsed<Option<Word>> {
        let (start, waiting) = (self.at, self.pending.len());
        if self.not_arithmetic.contains(&start) {
            return Ok(None);
        }
        self.at += 2;
        let expression = self.deeper(|parser| parser.arithmetic_text());
        if matches!(&expression, Ok(Some(_))) || expression.as_ref().is_err_and(|error| error.limit) {
            return expression;
        }
        self.not_arithmetic.insert(start);
        self.pending.truncate(waiting);
        self.at = start;
        Ok(None)
    }

    /// Reads an arithmetic expression up to `))`. `None` if it ends differently.
    fn arithmetic_text(&mut self) -> Parsed<Option<Word>> {
        let position = self.position();
        let mut pieces = Pieces::default();
        let mut open = 0_usize;
        loop {
            match self.peek() {
                None => return Ok(None),
                Some(')') if open == 0 => {
                    let closed = self.take("))");
                    return Ok(closed.then_some(Word { position, pieces: pieces.pieces }));
                }
                Some(char) => {
                    match char {
                        '(' => open += 1,
                        ')' => open -= 1,
                        _ => {}
                    }
                    self.piece_in_quotes(char, &mut pieces)?;
                }
            }
        }
    }

    /// Reads `$[…]` of bash.
    fn old_arithmetic(&mut self, quoted: bool, pieces: &mut Pieces) -> Parsed<()> {
        self.at += 2;
        let expression = self.deeper(|parser| parser.word_until(Until::Bracket))?;
        if !self.take("]") {
            return self.error("missing `]`");
        }
        pieces.pieces.push(Piece::Arithmetic { expression: Box::new(expression), quoted });
        Ok(())
    }

    /// Reads `$'…'`.
    fn escaped_quotes(&mut self, pieces: &mut Pieces) -> Parsed<()> {
        self.at += 2;
        pieces.empty_quotes();
        loop {
            match self.next() {
                None => return self.error("Unterminated quoted string"),
                Some('\'') => return Ok(()),
                Some('\\') => match self.next() {
                    Some('n') => pieces.char('\n', true),
                    Some('t') => pieces.char('\t', true),
                    Some('r') => pieces.char('\r', true),
                    Some('e' | 'E') => pieces.char('\x1b', true),
                    Some(char @ ('\\' | '\'' | '"' | '?')) => pieces.char(char, true),
                    Some(_) => pieces.pieces.push(Piece::Unknown { quoted: true }),
                    None => return self.error("Unterminated quoted string"),
                },
                Some(char) => pieces.char(char, true),
            }
        }
    }

    /// Reads a substitution in backquotes, within which backslashes protect `$`, backquotes and backslashes.
    fn backquotes(&mut self, quoted: bool, pieces: &mut Pieces) -> Parsed<()> {
        self.at += 1;
        let position = self.position();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return self.error("EOF in backquote substitution"),
                Some('`') => break,
                Some('\\') => match self.peek() {
                    Some(char @ ('$' | '`' | '\\')) => {
                        self.at += 1;
                        text.push(char);
                    }
                    Some('"') if quoted => {
                        self.at += 1;
                        text.push('"');
                    }
                    _ => text.push('\\'),
                },
                Some(char) => text.push(char),
            }
        }
        let lines = self.deeper(|parser| Ok(parser.inner(&text, position, |inner| inner.script())))?;
        if let Some(error) = lines.error {
            return Err(error);
        }
        pieces.pieces.push(Piece::Substitution { lines, quoted });
        Ok(())
    }

    /// Reads `<(…)` and `>(…)` of bash.
    fn process(&mut self, pieces: &mut Pieces) -> Parsed<()> {
        self.at += 2;
        let lines = self.deeper(|parser| parser.lines_until_parenthesis())?;
        pieces.pieces.push(Piece::Process { lines });
        Ok(())
    }

    /// Reads the rest of `${`.
    fn braced_parameter(&mut self, quoted: bool) -> Parsed<Piece> {
        let length = self.is_length();
        if length {
            self.at += 1;
        }
        let indirect = self.dialect == Dialect::Bash && self.peek() == Some('!') && self.peek_byte(1) != b'}';
        if indirect {
            self.at += 1;
        }
        let Some(name) = self.parameter_name() else { return self.error("Bad substitution") };
        if matches!(self.peek(), None | Some('\n' | ' ')) {
            return self.missing_brace();
        }
        let index = if self.dialect == Dialect::Bash && self.take("[") {
            let index = self.word_until(Until::Bracket)?;
            if !self.take("]") {
                return self.error("missing `]`");
            }
            Some(index)
        } else {
            None
        };
        // `${!prefix*}`: the names of variables.
        let lists_names = indirect && index.is_none() && (self.is_at("*}") || self.is_at("@}"));
        let operation = if lists_names {
            self.at += 1;
            Operation::Names
        } else {
            self.operation(quoted)?
        };
        if !self.take("}") {
            return self.missing_brace();
        }
        let operation = match (length, indirect, index, operation) {
            (false, true, None, operation) if !lists_names => Operation::Indirect(Box::new(operation)),
            (_, true, _, Operation::Names) => Operation::Names,
            (_, true, _, operation) => Operation::Other(words_of(operation)),
            (true, _, Some(index), _) if is_all(&index) => Operation::ElementCount,
            (true, ..) => Operation::Length,
            (_, _, Some(index), Operation::Get) if index.plain() == Some("*") => Operation::JoinedElements,
            (_, _, Some(index), Operation::Get) if is_all(&index) => Operation::Elements,
            (_, _, Some(index), Operation::Get) => Operation::Element(Box::new(index)),
            // `${a[@]+"${a[@]}"}` is how scripts expand an array that may be empty.
            (_, _, Some(_), operation @ (Operation::Alternative { .. } | Operation::Default { .. })) => {
                operation
            }
            (_, _, Some(_), operation) => Operation::Other(words_of(operation)),
            (_, _, None, operation) => operation,
        };
        Ok(Piece::Parameter { name, operation, quoted })
    }

    fn missing_brace<T>(&mut self) -> Parsed<T> {
        Err(SyntaxError { position: self.position(), message: "Missing '}'".to_owned(), limit: false })
    }

    /// Whether `#` after `${` asks for a length, and is not the parameter `#` itself.
    fn is_length(&self) -> bool {
        if self.peek() != Some('#') {
            return false;
        }
        match self.peek_byte(1) as char {
            '}' | ':' | '=' | '+' | '%' => false,
            '-' | '?' => self.peek_byte(2) == b'}',
            '#' => self.peek_byte(2) == b'}',
            _ => true,
        }
    }

    fn parameter_name(&mut self) -> Option<String> {
        let char = self.peek()?;
        if is_name_start(char) {
            return Some(self.take_while(is_name_char).to_owned());
        }
        if char.is_ascii_digit() {
            return Some(self.take_while(|char| char.is_ascii_digit()).to_owned());
        }
        "@*#?-$!".contains(char).then(|| {
            self.at += 1;
            char.to_string()
        })
    }

    /// Reads the operator and words of `${name…}`, up to the brace.
    fn operation(&mut self, quoted: bool) -> Parsed<Operation> {
        let until = if quoted { Until::QuotedBrace } else { Until::Brace };
        let empty = self.peek() == Some(':') && "-=?+".contains(self.peek_byte(1) as char);
        if empty {
            self.at += 1;
        }
        let Some(operator) = self.peek() else { return Ok(Operation::Get) };
        match operator {
            '}' => Ok(Operation::Get),
            '-' | '=' | '?' | '+' => {
                self.at += 1;
                let word = Box::new(self.word_until(until)?);
                Ok(match operator {
                    '-' => Operation::Default { empty, word },
                    '=' => Operation::Assign { empty, word },
                    '?' => Operation::Error { empty, word },
                    _ => Operation::Alternative { empty, word },
                })
            }
            '#' | '%' => {
                let side = if operator == '#' { Side::Front } else { Side::Back };
                self.at += 1;
                let size = if self.take(&operator.to_string()) { Size::Longest } else { Size::Shortest };
                // Quotes within the pattern are quotes even if the whole is quoted.
                let pattern = Box::new(self.word_until(Until::Brace)?);
                Ok(Operation::Remove { side, size, pattern })
            }
            _ if self.dialect == Dialect::Dash => {
                self.word_until(until)?;
                Ok(Operation::Bad)
            }
            _ => self.other_operation(operator),
        }
    }

    /// Reads an operation that dash does not have.
    fn other_operation(&mut self, operator: char) -> Parsed<Operation> {
        if !"/:^,@".contains(operator) {
            return self.error("Bad substitution");
        }
        self.at += 1;
        match operator {
            ':' => self.substring(),
            '/' => self.replacement(),
            '^' | ',' if self.take(&operator.to_string()) && self.peek() == Some('}') => {
                Ok(Operation::Case { upper: operator == '^' })
            }
            _ => Ok(Operation::Other(vec![self.word_until(Until::Brace)?])),
        }
    }

    fn substring(&mut self) -> Parsed<Operation> {
        let offset = Box::new(self.word_until(Until::Colon)?);
        let length = if self.take(":") { Some(Box::new(self.word_until(Until::Brace)?)) } else { None };
        Ok(Operation::Substring { offset, length })
    }

    fn replacement(&mut self) -> Parsed<Operation> {
        let all = self.take("/");
        let anchored = matches!(self.peek(), Some('#' | '%'));
        let pattern = self.word_until(Until::Slash)?;
        self.take("/");
        let word = self.word_until(Until::Brace)?;
        if anchored {
            return Ok(Operation::Other(vec![pattern, word]));
        }
        Ok(Operation::Replace { all, pattern: Box::new(pattern), word: Box::new(word) })
    }
}

fn is_all(index: &Word) -> bool {
    matches!(index.plain(), Some("@" | "*"))
}

/// Returns the words in an operation, whose substitutions run in any case.
fn words_of(operation: Operation) -> Vec<Word> {
    match operation {
        Operation::Get
        | Operation::Bad
        | Operation::Names
        | Operation::Case { .. }
        | Operation::Length
        | Operation::Elements
        | Operation::JoinedElements
        | Operation::ElementCount => Vec::new(),
        Operation::Default { word, .. }
        | Operation::Assign { word, .. }
        | Operation::Error { word, .. }
        | Operation::Alternative { word, .. }
        | Operation::Element(word)
        | Operation::Remove { pattern: word, .. } => vec![*word],
        Operation::Indirect(operation) => words_of(*operation),
        Operation::Substring { offset, length } => {
            std::iter::once(offset).chain(length).map(|word| *word).collect()
        }
        Operation::Replace { pattern, word, .. } => vec![*pattern, *word],
        Operation::Other(words) => words,
    }
}
