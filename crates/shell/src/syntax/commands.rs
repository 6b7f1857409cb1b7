//! Reads lists, pipelines, simple commands and redirections.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::outcome::Position;
use crate::start::Dialect;
use crate::syntax::reader::{Parsed, Parser, Pending};
use crate::syntax::tree::{
    Assigned, Assignment, Command, CommandKind, Connector, Item, List, Piece, Pipeline, Redirection,
    RedirectionKind, Script, Word,
};
use crate::syntax::words::{Until, is_name, is_name_char};

/// Reserved words that end a list. Where no list is open for them, they are errors.
const CLOSING: [&str; 8] = ["then", "do", "done", "fi", "elif", "else", "esac", "}"];

/// Whether a list goes on after a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

impl Parser<'_> {
    /// Reads the next complete command and forgets those before, but for the functions in them. `None` at the end.
    pub(crate) fn next_line(&mut self) -> Parsed<Option<List>> {
        let before = std::mem::take(&mut self.held);
        let is_kept = std::mem::take(&mut self.keeps);
        self.held = if is_kept { before } else { self.held };
        self.complete_command()
    }

    /// Reads the whole text, up to the first error.
    pub(crate) fn script(&mut self) -> Script {
        let mut script = Script::default();
        loop {
            match self.complete_command() {
                Ok(Some(line)) => script.lines.push(line),
                Ok(None) => return script,
                Err(error) => {
                    script.error = Some(error);
                    return script;
                }
            }
        }
    }

    /// Reads the commands up to the parenthesis that closes a substitution.
    pub(crate) fn lines_until_parenthesis(&mut self) -> Parsed<Script> {
        let list = self.list(Lines::Many)?;
        if !self.take(")") {
            return self.unexpected(Some(")"));
        }
        let lines = if list.is_empty() { Vec::new() } else { vec![list] };
        Ok(Script { lines, error: None })
    }

    /// Reads the commands of one line, or of several if a command goes on.
    fn complete_command(&mut self) -> Parsed<Option<List>> {
        self.newlines()?;
        if self.peek().is_none() {
            return Ok(None);
        }
        let list = self.list(Lines::One)?;
        match self.peek() {
            None => self.read_documents()?,
            Some('\n') => self.newlines()?,
            Some(_) => return self.unexpected(None),
        }
        Ok(Some(list))
    }

    /// Reads commands that must not be absent, up to what ends a list.
    pub(crate) fn compound_list(&mut self) -> Parsed<List> {
        let list = self.list(Lines::Many)?;
        if list.is_empty() { self.unexpected(None) } else { Ok(list) }
    }

    /// Reads commands that may be absent, as in `case`.
    pub(crate) fn optional_list(&mut self) -> Parsed<List> {
        self.list(Lines::Many)
    }

    fn list(&mut self, lines: Lines) -> Parsed<List> {
        let mut list = List::new();
        loop {
            match lines {
                Lines::One => self.blanks(),
                Lines::Many => self.newlines()?,
            }
            if self.ends_list() {
                return Ok(list);
            }
            list.push(self.item()?);
            self.blanks();
            match self.peek() {
                Some('&') if self.peek_byte(1) != b'&' => {
                    self.at += 1;
                    list.iter_mut().rev().take(1).for_each(|item| item.background = true);
                }
                Some(';') if !matches!(self.peek_byte(1), b';' | b'&') => self.at += 1,
                Some('\n') if lines == Lines::Many => {}
                _ => return Ok(list),
            }
        }
    }

    fn ends_list(&self) -> bool {
        match self.peek() {
            None | Some(')' | '\n') => true,
            Some(';') => matches!(self.peek_byte(1), b';' | b'&'),
            Some(_) => CLOSING.contains(&self.reserved_word()),
        }
    }

    /// Returns the plain word that is next without taking it, or an empty text.
    pub(crate) fn reserved_word(&self) -> &str {
        let rest = self.rest();
        let end = rest
            .find(|char: char| !(char.is_ascii_lowercase() || "{}![]".contains(char)))
            .unwrap_or(rest.len());
        let ends = rest[end..]
            .chars()
            .next()
            .is_none_or(|char| matches!(char, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>'));
        if ends { &rest[..end] } else { "" }
    }

    /// Takes a reserved word if it is next.
    pub(crate) fn take_reserved(&mut self, word: &str) -> bool {
        let found = self.reserved_word() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    /// Takes a reserved word, after newlines, or fails.
    pub(crate) fn expect_reserved(&mut self, word: &str) -> Parsed<()> {
        self.newlines()?;
        if self.take_reserved(word) { Ok(()) } else { self.unexpected(Some(word)) }
    }

    fn item(&mut self) -> Parsed<Item> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let connector = if self.take("&&") {
                Connector::And
            } else if self.take("||") {
                Connector::Or
            } else {
                return Ok(Item { first, rest, background: false });
            };
            self.newlines()?;
            rest.push((connector, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        self.blanks();
        let mut negated = false;
        loop {
            if self.take_reserved("!") {
                negated = !negated;
            } else if !(self.dialect == Dialect::Bash && self.take_time()) {
                break;
            }
            self.blanks();
        }
        if negated && self.dialect == Dialect::Bash && matches!(self.peek(), None | Some('\n' | ';')) {
            let kind = CommandKind::Simple { assignments: Vec::new(), words: Vec::new() };
            let command = Command { position: self.position(), kind, redirections: Vec::new() };
            return Ok(Pipeline { negated, commands: vec![command] });
        }
        let mut commands = vec![self.deeper(|parser| parser.command())?];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.peek_byte(1) == b'|' {
                return Ok(Pipeline { negated, commands });
            }
            self.at += 1;
            if self.dialect == Dialect::Bash {
                self.take("&");
            }
            self.newlines()?;
            commands.push(self.deeper(|parser| parser.command())?);
        }
    }

    /// Takes bash's reserved word `time`.
    fn take_time(&mut self) -> bool {
        let found = self.take_reserved("time");
        if found {
            self.blanks();
            if self.is_at("-p ") {
                self.at += 2;
            }
        }
        found
    }

    pub(crate) fn command(&mut self) -> Parsed<Command> {
        let position = self.position();
        self.hold()?;
        match self.compound()? {
            Some(kind) => {
                let mut redirections = Vec::new();
                if !matches!(kind, CommandKind::Function { .. }) {
                    self.blanks();
                    while let Some(redirection) = self.redirection()? {
                        redirections.push(redirection);
                        self.blanks();
                    }
                }
                Ok(Command { position, kind, redirections })
            }
            None => self.simple(position),
        }
    }

    fn simple(&mut self, position: Position) -> Parsed<Command> {
        if CLOSING.contains(&self.reserved_word()) {
            return self.unexpected(None);
        }
        let (mut assignments, mut words, mut redirections) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks();
            if let Some(redirection) = self.redirection()? {
                redirections.push(redirection);
                continue;
            }
            let Some(mut word) = self.word()? else { break };
            if self.dialect == Dialect::Bash && self.names_descriptor(&word) {
                continue;
            }
            if words.is_empty() {
                match self.assignment(word)? {
                    Ok(assignment) => assignments.push(assignment),
                    Err(word) => words.push(word),
                }
                continue;
            }
            // `declare -a x=(…)` and `local x=(…)` of bash.
            if self.dialect == Dialect::Bash && self.peek() == Some('(') && ends_with_equals(&word) {
                let array = self.array()?;
                word.pieces.push(Piece::Array(array));
            }
            words.push(if self.expands_homes(&words) { word } else { without_assigned_homes(word) });
        }
        if let [word] = words.as_slice()
            && assignments.is_empty()
            && redirections.is_empty()
            && self.peek() == Some('(')
            && let Some(name) = word.plain()
        {
            let name = name.to_owned();
            let kind = self.function(name)?;
            return Ok(Command { position, kind, redirections });
        }
        if words.is_empty() && assignments.is_empty() && redirections.is_empty() {
            return self.unexpected(None);
        }
        let position = words.first().map_or(position, |word| word.position);
        Ok(Command { position, kind: CommandKind::Simple { assignments, words }, redirections })
    }

    /// Whether a word is `{name}` before a redirection, which names a descriptor instead of an argument.
    fn names_descriptor(&self, word: &Word) -> bool {
        matches!(self.peek(), Some('<' | '>'))
            && word
                .plain()
                .and_then(|text| text.strip_prefix('{')?.strip_suffix('}'))
                .is_some_and(|name| !name.is_empty() && name.chars().all(is_name_char))
    }

    /// Reads a word as an assignment, or gives it back.
    fn assignment(&mut self, mut word: Word) -> Parsed<Result<Assignment, Word>> {
        let Some(Piece::Text { text, quoted: false }) = word.pieces.first() else {
            return Ok(Err(word));
        };
        let Some((left, right)) = text.split_once('=') else { return Ok(Err(word)) };
        let not_dash = self.dialect != Dialect::Dash;
        let append = not_dash && left.ends_with('+');
        let target = left.strip_suffix('+').filter(|_| append).unwrap_or(left);
        let (name, element) = match target.split_once('[') {
            Some((name, index)) if self.dialect == Dialect::Bash && index.ends_with(']') => (name, true),
            _ => (target, false),
        };
        if !is_name(name) {
            return Ok(Err(word));
        }
        let (name, right) = (name.to_owned(), right.to_owned());
        let is_alone = right.is_empty() && word.pieces.len() == 1;
        if is_alone && self.dialect == Dialect::Bash && self.peek() == Some('(') {
            let value = Assigned::Array(self.array()?);
            return Ok(Ok(Assignment { name, append, value }));
        }
        if right.is_empty() {
            word.pieces.remove(0);
        } else {
            word.pieces[0] = Piece::Text { text: right, quoted: false };
        }
        let value = if element { Assigned::Element(word) } else { Assigned::Scalar(word) };
        Ok(Ok(Assignment { name, append, value }))
    }

    /// Whether `~` after `=` is the home directory in the arguments of a command: bash takes each for an assignment.
    fn expands_homes(&self, words: &[Word]) -> bool {
        const ASSIGN: [&str; 5] = ["export", "readonly", "local", "declare", "typeset"];
        let name = words.first().and_then(Word::plain);
        self.dialect == Dialect::Bash || name.is_some_and(|name| ASSIGN.contains(&name))
    }

    /// Reads the words of `(…)` after `name=`.
    fn array(&mut self) -> Parsed<Vec<Word>> {
        self.at += 1;
        let mut words = Vec::new();
        loop {
            self.newlines()?;
            if self.take(")") {
                return Ok(words);
            }
            match self.word()? {
                Some(word) => words.push(word),
                None => return self.unexpected(Some(")")),
            }
        }
    }

    /// Reads a redirection, if one is next.
    pub(crate) fn redirection(&mut self) -> Parsed<Option<Redirection>> {
        let start = self.at;
        let digits = self.take_while(|char| char.is_ascii_digit()).to_owned();
        let bash = self.dialect == Dialect::Bash;
        let not_dash = self.dialect != Dialect::Dash;
        let is_process = not_dash && digits.is_empty() && (self.is_at("<(") || self.is_at(">("));
        let both = not_dash && digits.is_empty() && self.is_at("&>");
        if is_process || !(both || matches!(self.peek(), Some('<' | '>'))) {
            self.at = start;
            return Ok(None);
        }
        let descriptor = digits.parse().ok();
        let kind = if both && self.take("&>") {
            self.take(">");
            RedirectionKind::WriteBoth
        } else if bash && self.take("<<<") {
            RedirectionKind::HereText
        } else if self.take("<<") {
            return self.here_document(descriptor).map(Some);
        } else {
            self.plain_redirection()
        };
        self.blanks();
        let Some(target) = self.word()? else { return self.unexpected(None) };
        Ok(Some(Redirection { descriptor, kind, target }))
    }

    fn plain_redirection(&mut self) -> RedirectionKind {
        const OPERATORS: [(&str, RedirectionKind); 7] = [
            ("<&", RedirectionKind::Duplicate),
            ("<>", RedirectionKind::ReadWrite),
            ("<", RedirectionKind::Read),
            (">&", RedirectionKind::Duplicate),
            (">>", RedirectionKind::Append),
            (">|", RedirectionKind::Write),
            (">", RedirectionKind::Write),
        ];
        let found = OPERATORS.into_iter().find(|(operator, _)| self.take(operator));
        found.map_or(RedirectionKind::Write, |(_, kind)| kind)
    }

    fn here_document(&mut self, descriptor: Option<u32>) -> Parsed<Redirection> {
        let strip_tabs = self.take("-");
        self.blanks();
        let start = self.at;
        let Some(target) = self.word()? else { return self.unexpected(None) };
        let quoted = self.text[start..self.at].contains(['\'', '"', '\\']);
        let delimiter = delimiter(&self.text[start..self.at]);
        let text = Rc::new(OnceCell::new());
        self.pending.push(Pending { delimiter, quoted, strip_tabs, text: text.clone() });
        Ok(Redirection { descriptor, kind: RedirectionKind::Here(text), target })
    }

    /// Reads the here-documents that begin after a newline.
    fn read_documents(&mut self) -> Parsed<()> {
        for pending in std::mem::take(&mut self.pending) {
            let position = self.position();
            let body = self.document_lines(&pending);
            let word = if pending.quoted {
                Word { position, pieces: vec![Piece::Text { text: body, quoted: true }] }
            } else {
                self.inner(&body, position, |parser| parser.word_until(Until::Document))?
            };
            pending.text.get_or_init(|| word);
        }
        Ok(())
    }

    fn document_lines(&mut self, pending: &Pending) -> String {
        let mut body = String::new();
        while self.at < self.text.len() {
            let rest = self.rest();
            let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
            self.at += end;
            let line = &rest[..end];
            let line = if pending.strip_tabs { line.trim_start_matches('\t') } else { line };
            if line.strip_suffix('\n').unwrap_or(line) == pending.delimiter {
                break;
            }
            body.push_str(line);
        }
        body
    }

    /// Skips blanks, line continuations and a comment.
    pub(crate) fn blanks(&mut self) {
        loop {
            self.take_while(|char| matches!(char, ' ' | '\t'));
            if self.take("\\\n") {
                continue;
            }
            if self.peek() == Some('#') {
                self.take_while(|char| char != '\n');
            }
            return;
        }
    }

    /// Skips blanks, comments and newlines, and reads the here-documents that begin after one.
    pub(crate) fn newlines(&mut self) -> Parsed<()> {
        loop {
            self.blanks();
            if !self.take("\n") {
                return Ok(());
            }
            self.read_documents()?;
        }
    }

    /// Fails because of the token that is next, in dash's words.
    pub(crate) fn unexpected<T>(&mut self, expected: Option<&str>) -> Parsed<T> {
        self.blanks();
        const OPERATORS: [&str; 9] = [";;", "&&", "||", ";", "&", "|", "(", ")", "<<"];
        let reserved = self.reserved_word();
        let token = match self.peek() {
            None => "end of file".to_owned(),
            Some('\n') => "newline".to_owned(),
            Some('<' | '>') => "redirection".to_owned(),
            Some(_) => match OPERATORS.iter().find(|operator| self.is_at(operator)) {
                Some(operator) => format!("\"{operator}\""),
                None if CLOSING.contains(&reserved) => format!("\"{reserved}\""),
                None => "word".to_owned(),
            },
        };
        let expecting = expected.map_or(String::new(), |word| format!(" (expecting \"{word}\")"));
        self.error(format!("{token} unexpected{expecting}"))
    }
}

/// Takes `~` that is not at the beginning of a word for itself.
fn without_assigned_homes(word: Word) -> Word {
    let literal = |(at, piece)| match piece {
        Piece::Home { user } if at > 0 => Piece::Text { text: format!("~{user}"), quoted: false },
        piece => piece,
    };
    Word { pieces: word.pieces.into_iter().enumerate().map(literal).collect(), ..word }
}

fn ends_with_equals(word: &Word) -> bool {
    word.plain().is_some_and(|text| text.ends_with('='))
}

/// Removes the quotes of a here-document's delimiter.
fn delimiter(source: &str) -> String {
    let mut text = String::new();
    let mut chars = source.chars();
    while let Some(char) = chars.next() {
        match char {
            '\'' | '"' => {}
            '\\' => text.extend(chars.next()),
            char => text.push(char),
        }
    }
    text
}
