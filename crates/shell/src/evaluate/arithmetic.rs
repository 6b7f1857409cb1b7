//! Computes arithmetic expressions of known numbers. What is not known stays unknown.

use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{Content, State};
use crate::start::Dialect;
use crate::syntax::tree::Word;
use crate::syntax::{is_name_char, is_name_start};
use crate::value::Value;

const DEEPEST: usize = 30;
/// Longer expressions count as unknown.
const LONGEST: usize = 4096;

/// Binary operators, the longest first, with their precedence.
const OPERATORS: [(&str, u8); 18] = [
    ("||", 1),
    ("&&", 2),
    ("<<", 8),
    (">>", 8),
    ("<=", 7),
    (">=", 7),
    ("==", 6),
    ("!=", 6),
    ("<", 7),
    (">", 7),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

impl Evaluator<'_> {
    /// Expands and computes an expression, and assigns the variables in it.
    pub(crate) fn arithmetic_value(&mut self, state: &mut State, expression: &Word) -> Value {
        let value = self.one(state, expression);
        let dialect = self.start.dialect;
        let known = value.text().filter(|text| text.len() <= LONGEST).map(str::to_owned);
        let result = known.as_deref().and_then(|text| {
            let mut reader = Reader { rest: text, state, depth: 0, dialect };
            let result = reader.assignment()?;
            reader.rest.trim_start().is_empty().then_some(result)
        });
        match result {
            Some(number) => Value::from(number.to_string()),
            None => {
                forget_assigned(state, &value.to_string());
                Value::number()
            }
        }
    }
}

/// Forgets the variables to which an expression that is not understood may assign.
pub(super) fn forget_assigned(state: &mut State, text: &str) {
    let assigns = text.contains('=') || text.contains("++") || text.contains("--");
    if !assigns {
        return;
    }
    for name in text.split(|char| !is_name_char(char)).filter(|name| name.starts_with(is_name_start)).take(64)
    {
        state.assign(name, Content::Scalar(Value::number()));
    }
}

struct Reader<'t, 's> {
    rest: &'t str,
    state: &'s mut State,
    depth: usize,
    dialect: Dialect,
}

impl<'t> Reader<'t, '_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, text: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        self.skip();
        if !self.rest.starts_with(is_name_start) {
            return None;
        }
        let end = self.rest.find(|char| !is_name_char(char)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(name)
    }

    fn variable(&self, name: &str) -> Option<i64> {
        match self.state.variable(name) {
            Content::Unset => Some(0),
            Content::Scalar(value) => match value.text()?.trim() {
                "" => Some(0),
                // Octal, or hexadecimal.
                text if text.len() > 1 && text.trim_start_matches(['-', '+']).starts_with('0') => None,
                text => text.parse().ok(),
            },
            Content::Unknown | Content::Array(_) => None,
        }
    }

    /// Reads `name = expression` and the like, or an expression without assignment.
    fn assignment(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let before = self.rest;
        if let Some(name) = self.name() {
            let operator =
                ["+=", "-=", "*=", "/=", "%=", "="].into_iter().find(|operator| self.take(operator));
            match operator {
                Some("=") if self.rest.starts_with('=') => {}
                Some(operator) => {
                    let right = self.assignment()?;
                    let result = if operator == "=" {
                        right
                    } else {
                        apply(&operator[..1], self.variable(name)?, right)?
                    };
                    self.state.assign(name, Content::Scalar(Value::from(result.to_string())));
                    self.depth -= 1;
                    return Some(result);
                }
                None => {}
            }
        }
        self.rest = before;
        let result = self.ternary();
        self.depth -= 1;
        result
    }

    fn ternary(&mut self) -> Option<i64> {
        let condition = self.binary(1)?;
        if !self.take("?") {
            return Some(condition);
        }
        let yes = self.assignment()?;
        if !self.take(":") {
            return None;
        }
        let no = self.assignment()?;
        Some(if condition == 0 { no } else { yes })
    }

    fn binary(&mut self, lowest: u8) -> Option<i64> {
        let mut left = self.unary()?;
        loop {
            self.skip();
            let found = OPERATORS.iter().find(|(operator, _)| self.rest.starts_with(operator));
            let Some((operator, precedence)) = found.filter(|(_, precedence)| *precedence >= lowest) else {
                return Some(left);
            };
            self.rest = &self.rest[operator.len()..];
            let right = self.binary(precedence + 1)?;
            left = apply(operator, left, right)?;
        }
    }

    /// Whether `++` is an operator: dash takes it for two signs.
    fn has_increments(&self) -> bool {
        self.dialect != Dialect::Dash
    }

    fn unary(&mut self) -> Option<i64> {
        let mut signs = Vec::new();
        loop {
            if self.has_increments() && (self.take("++") || self.take("--")) {
                return None;
            }
            match ["-", "+", "!", "~"].into_iter().find(|sign| self.take(sign)) {
                Some(sign) => signs.push(sign),
                None => break,
            }
        }
        let mut value = self.atom()?;
        for sign in signs.into_iter().rev() {
            value = match sign {
                "-" => value.checked_neg()?,
                "!" => i64::from(value == 0),
                "~" => !value,
                _ => value,
            };
        }
        Some(value)
    }

    fn atom(&mut self) -> Option<i64> {
        if self.take("(") {
            let value = self.assignment()?;
            return self.take(")").then_some(value);
        }
        if let Some(name) = self.name() {
            let value = self.variable(name)?;
            let step = if self.has_increments() && self.take("++") {
                1
            } else if self.has_increments() && self.take("--") {
                -1
            } else {
                0
            };
            if step != 0 {
                let next = value.checked_add(step)?;
                self.state.assign(name, Content::Scalar(Value::from(next.to_string())));
            }
            return Some(value);
        }
        let end = self.rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        // Octal and hexadecimal numbers are too rare to be worth their rules.
        if digits.len() > 1 && digits.starts_with('0') || rest.starts_with(is_name_start) {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }
}

fn apply(operator: &str, left: i64, right: i64) -> Option<i64> {
    match operator {
        "||" => Some(i64::from(left != 0 || right != 0)),
        "&&" => Some(i64::from(left != 0 && right != 0)),
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "&" => Some(left & right),
        "==" => Some(i64::from(left == right)),
        "!=" => Some(i64::from(left != right)),
        "<" => Some(i64::from(left < right)),
        ">" => Some(i64::from(left > right)),
        "<=" => Some(i64::from(left <= right)),
        ">=" => Some(i64::from(left >= right)),
        "<<" => left.checked_shl(u32::try_from(right).ok()?),
        ">>" => left.checked_shr(u32::try_from(right).ok()?),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        _ => None,
    }
}
