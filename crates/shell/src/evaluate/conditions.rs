//! Decides `test`, `[` and `[[`, as far as their operands are known.

use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{Content, State};
use crate::outcome::Asked;
use crate::pattern::Pattern;
use crate::start::{Dialect, Entry, Executable};
use crate::syntax::tree::Word;
use crate::value::Value;

/// How deep parentheses may be nested.
const DEEPEST: usize = 20;

/// Whether a value matches a pattern: `None` if unknown.
pub(crate) fn matches(value: &Value, pattern: &Pattern) -> Option<bool> {
    match value.text() {
        Some(text) => pattern.matches(text),
        None if pattern.matches_all() => Some(true),
        None => match pattern.plain_text() {
            Some(plain) => value.same_text(&Value::from(plain)),
            None => pattern.matches_beginning(value.prefix()),
        },
    }
}

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    not(and(not(left), not(right)))
}

const BINARY: [&str; 15] =
    ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "=~"];

fn is_binary(word: Option<&Value>) -> bool {
    word.and_then(Value::text).is_some_and(|text| BINARY.contains(&text))
}

fn is_unary(word: &Value) -> bool {
    word.text().is_some_and(|text| {
        let mut chars = text.chars();
        text.len() == 2
            && chars.next() == Some('-')
            && chars.next().is_some_and(|char| "bcdefghknprstuwxzGLNOSvoR".contains(char))
    })
}

/// The words of a test, read from left to right.
struct Test<'a> {
    words: &'a [Value],
    /// The right operands as patterns, for `[[`.
    patterns: Option<&'a [Pattern]>,
    at: usize,
    depth: usize,
    and: &'static str,
    or: &'static str,
}

impl Test<'_> {
    fn is(&self, ahead: usize, text: &str) -> bool {
        self.words.get(self.at + ahead).and_then(Value::text) == Some(text)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.is(0, text);
        self.at += usize::from(found);
        found
    }

    fn left(&self) -> usize {
        self.words.len().saturating_sub(self.at)
    }
}

impl Evaluator<'_> {
    /// Decides `test`'s operands. A syntax error of the test is false: its status is 2.
    pub(crate) fn test(&self, state: &State, words: &[Value]) -> Option<bool> {
        if words.iter().any(Value::is_many) {
            return None;
        }
        if words.is_empty() {
            return Some(false);
        }
        // dash refuses the operator: status 2, also after `!`.
        let is_operator = |word: &Value| word.text() == Some("==");
        if self.start.dialect == Dialect::Dash
            && words.len() > 2
            && words[1..words.len() - 1].iter().any(is_operator)
        {
            return Some(false);
        }
        let mut test = Test { words, patterns: None, at: 0, depth: 0, and: "-a", or: "-o" };
        let result = self.test_or(state, &mut test);
        if test.at < words.len() { None } else { result }
    }

    /// Decides `[[ … ]]`.
    pub(crate) fn conditional(&mut self, state: &mut State, words: &[Word]) -> Option<bool> {
        let expanded: Vec<_> = self
            .deciding(|evaluator| words.iter().map(|word| evaluator.one_with_pattern(state, word)).collect());
        let (values, sources): (Vec<Value>, Vec<_>) = expanded.into_iter().unzip();
        let patterns: Vec<Pattern> = sources.iter().map(|source| Pattern::read(source)).collect();
        let mut test =
            Test { words: &values, patterns: Some(&patterns), at: 0, depth: 0, and: "&&", or: "||" };
        let result = self.test_or(state, &mut test);
        if test.at < values.len() { None } else { result }
    }

    fn test_or(&self, state: &State, test: &mut Test<'_>) -> Option<bool> {
        let mut result = self.test_and(state, test);
        while test.take(test.or) {
            let right = self.test_and(state, test);
            result = or(result, right);
        }
        result
    }

    fn test_and(&self, state: &State, test: &mut Test<'_>) -> Option<bool> {
        let mut result = self.test_not(state, test);
        while test.left() > 1 && test.take(test.and) {
            let right = self.test_not(state, test);
            result = and(result, right);
        }
        result
    }

    fn test_not(&self, state: &State, test: &mut Test<'_>) -> Option<bool> {
        let mut negated = false;
        while test.left() > 1
            && test.is(0, "!")
            && !(test.left() == 3 && is_binary(test.words.get(test.at + 1)))
        {
            test.at += 1;
            negated = !negated;
        }
        let result = self.test_primary(state, test);
        if negated { not(result) } else { result }
    }

    fn test_primary(&self, state: &State, test: &mut Test<'_>) -> Option<bool> {
        let word = test.words.get(test.at)?;
        if test.left() >= 3 && is_binary(test.words.get(test.at + 1)) {
            let (operator, right) = (test.words[test.at + 1].text()?, &test.words[test.at + 2]);
            let pattern = test.patterns.and_then(|patterns| patterns.get(test.at + 2));
            test.at += 3;
            return binary(word, operator, right, pattern);
        }
        if test.is(0, "(") && test.left() >= 3 {
            return self.test_parentheses(state, test);
        }
        if is_unary(word) && test.left() >= 2 {
            let operand = &test.words[test.at + 1];
            test.at += 2;
            return self.unary(state, word.text()?, operand);
        }
        test.at += 1;
        not(word.is_empty())
    }

    fn test_parentheses(&self, state: &State, test: &mut Test<'_>) -> Option<bool> {
        if test.depth >= DEEPEST {
            test.at = test.words.len();
            return None;
        }
        test.depth += 1;
        test.at += 1;
        let result = self.test_or(state, test);
        test.depth -= 1;
        if test.take(")") {
            result
        } else {
            test.at = test.words.len();
            None
        }
    }

    fn unary(&self, state: &State, operator: &str, operand: &Value) -> Option<bool> {
        match operator {
            "-z" => return operand.is_empty(),
            "-n" => return not(operand.is_empty()),
            "-v" => {
                return match state.variable(operand.text()?) {
                    Content::Unset => Some(false),
                    Content::Unknown => None,
                    Content::Scalar(_) | Content::Array(_) => Some(true),
                };
            }
            _ => {}
        }
        if matches!(operator, "-h" | "-L") {
            let path = Self::absolute(state, operand.text()?)?;
            if self.entry(state, operand.text()?) == Entry::Unknown {
                return None;
            }
            return if Self::is_changed(state, &path) { None } else { self.files.is_link(&path) };
        }
        let entry = self.entry(state, operand.text()?);
        match entry {
            Entry::Absent if !operand.text()?.is_empty() => self.asks.add(Asked::File(operand.to_string())),
            Entry::File(Executable::No) if operator == "-x" => {
                self.asks.add(Asked::Execution(operand.to_string()));
            }
            _ => {}
        }
        match (operator, entry) {
            (_, Entry::Unknown) => None,
            ("-t", _) => None,
            (_, Entry::Absent) => Some(false),
            ("-e", _) => Some(true),
            ("-f", entry) => Some(matches!(entry, Entry::File(_))),
            ("-d", entry) => Some(entry == Entry::Directory),
            ("-x", Entry::File(Executable::Yes)) => Some(true),
            ("-x", Entry::File(Executable::No)) => Some(false),
            ("-x", Entry::File(Executable::Unknown)) if self.is_closed(state, operand) => Some(false),
            _ => None,
        }
    }
}

fn binary(left: &Value, operator: &str, right: &Value, pattern: Option<&Pattern>) -> Option<bool> {
    let same = || match pattern {
        Some(pattern) => matches(left, pattern),
        None => left.same_text(right),
    };
    let numbers = || Some((number(left)?, number(right)?));
    match operator {
        "=" | "==" => same(),
        "!=" => not(same()),
        "<" => Some(left.text()? < right.text()?),
        ">" => Some(left.text()? > right.text()?),
        "-eq" => numbers().map(|(left, right)| left == right),
        "-ne" => numbers().map(|(left, right)| left != right),
        "-lt" => numbers().map(|(left, right)| left < right),
        "-le" => numbers().map(|(left, right)| left <= right),
        "-gt" => numbers().map(|(left, right)| left > right),
        "-ge" => numbers().map(|(left, right)| left >= right),
        _ => None,
    }
}

/// Returns a number. `None` also for one with leading zeros, which `[` reads as decimal and `[[` as octal.
fn number(value: &Value) -> Option<i64> {
    let text = value.text()?.trim();
    let has_zeros = text.len() > 1 && text.trim_start_matches(['-', '+']).starts_with('0');
    text.parse().ok().filter(|_| !has_zeros)
}
