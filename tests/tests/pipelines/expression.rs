//! Expressions of pipelines: those between `${{` and `}}` of GitHub, and the conditions of GitLab's rules. They have the same
//! operators. Anything that the generated files do not use is a panic.

use serde_json::Value;

/// Returns the value of an expression; `name` gives those of names such as `matrix.platform` and `$CI_COMMIT_TAG`, and of
/// calls such as `hashFiles('go.sum')`.
pub(super) fn evaluate(text: &str, name: &dyn Fn(&str) -> Value) -> Value {
    let words = words(text);
    let mut parser = Parser { words: &words, name };
    let value = parser.either();
    assert!(parser.words.is_empty(), "not understood in `{text}`: {:?}", parser.words);
    value
}

/// Replaces each `${{ EXPRESSION }}`.
pub(super) fn replaced(text: &str, name: &dyn Fn(&str) -> Value) -> String {
    let Some((before, rest)) = text.split_once("${{") else { return text.to_owned() };
    let (expression, after) = rest.split_once("}}").expect("an expression ends");
    let value = match evaluate(expression.trim(), name) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    format!("{before}{value}{}", replaced(after, name))
}

/// Returns whether a value counts as true, as both services define it.
pub(super) fn holds(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value != ""
}

/// Splits an expression into operators, strings (with a leading quote) and names, which may have arguments.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).expect("a string ends") + 2,
            '(' | ')' => 1,
            '=' | '!' | '&' | '|' => 2,
            _ => {
                let name = rest.find([' ', ')', '=', '!']).unwrap_or(rest.len());
                // The arguments of a call belong to the name.
                if rest[..name].contains('(') { name + 1 } else { name }
            }
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

struct Parser<'a> {
    words: &'a [String],
    name: &'a dyn Fn(&str) -> Value,
}

impl Parser<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.words.first().is_some_and(|next| next == word);
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }

    /// The operand that decides is the value, as both services have it.
    fn either(&mut self) -> Value {
        let mut value = self.both();
        while self.takes("||") {
            let other = self.both();
            value = if holds(&value) { value } else { other };
        }
        value
    }

    fn both(&mut self) -> Value {
        let mut value = self.compared();
        while self.takes("&&") {
            let other = self.compared();
            value = if holds(&value) { other } else { value };
        }
        value
    }

    fn compared(&mut self) -> Value {
        let value = self.operand();
        if self.takes("==") {
            return Value::Bool(value == self.operand());
        }
        if self.takes("!=") {
            return Value::Bool(value != self.operand());
        }
        value
    }

    fn operand(&mut self) -> Value {
        if self.takes("(") {
            let value = self.either();
            assert!(self.takes(")"), "a parenthesis is closed");
            return value;
        }
        let (word, rest) = self.words.split_first().expect("an operand");
        self.words = rest;
        match word.chars().next() {
            Some('\'' | '"') => Value::from(&word[1..word.len() - 1]),
            _ if word == "null" => Value::Null,
            _ => (self.name)(word),
        }
    }
}

#[test]
fn expressions_have_the_values_of_the_services() {
    let name = |name: &str| match name {
        "github.ref_type" => "branch".into(),
        "$CI_COMMIT_BRANCH" | "$CI_DEFAULT_BRANCH" => "main".into(),
        "hashFiles('**/go.sum')" => "0f".into(),
        _ => Value::Null,
    };
    for (text, value) in [
        ("github.ref_type == 'tag' || github.none", Value::Null),
        ("(github.ref_type == 'branch') && '--push' || ''", "--push".into()),
        ("(github.ref_type == 'tag') && '--push' || ''", "".into()),
        ("$CI_COMMIT_TAG || $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", true.into()),
        ("$CI_PIPELINE_SOURCE != \"x\" && $CI_MERGE_REQUEST_ID == null", true.into()),
        ("hashFiles('**/go.sum')", "0f".into()),
    ] {
        assert_eq!(evaluate(text, &name), value, "{text}");
    }
    assert_eq!(replaced("a ${{ github.ref_type }} b ${{ hashFiles('**/go.sum') }}", &name), "a branch b 0f");
}
