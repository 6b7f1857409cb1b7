//! File name patterns, as `case`, `${x#p}` and globs use them.

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// This character.
    Char(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `[…]`
    Set(Set),
    /// Text that is not known.
    Unknown,
}

/// A bracket expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
    classes: Vec<String>,
}

impl Set {
    fn contains(&self, char: char) -> bool {
        let inside = self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&char))
            || self.classes.iter().any(|class| is_in_class(char, class));
        inside != self.negated
    }
}

/// Whether a character is in a class such as `alpha` in the C locale.
fn is_in_class(char: char, class: &str) -> bool {
    match class {
        "alnum" => char.is_ascii_alphanumeric(),
        "alpha" => char.is_ascii_alphabetic(),
        "blank" => matches!(char, ' ' | '\t'),
        "cntrl" => char.is_ascii_control(),
        "digit" => char.is_ascii_digit(),
        "graph" => char.is_ascii_graphic(),
        "lower" => char.is_ascii_lowercase(),
        "print" => char.is_ascii_graphic() || char == ' ',
        "punct" => char.is_ascii_punctuation(),
        "space" => char.is_ascii_whitespace() || char == '\x0b',
        "upper" => char.is_ascii_uppercase(),
        "xdigit" => char.is_ascii_hexdigit(),
        _ => false,
    }
}

/// A character of a pattern's source: quoted ones stand for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Plain(char),
    Quoted(char),
    Unknown,
}

impl Source {
    /// Returns the character. `None` if unknown.
    pub(crate) fn known(self) -> Option<char> {
        match self {
            Self::Plain(char) | Self::Quoted(char) => Some(char),
            Self::Unknown => None,
        }
    }
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn read(source: &[Source]) -> Self {
        let mut tokens = Vec::new();
        let mut at = 0;
        // A `[` without an end is looked for once: without this, many of them take quadratic time.
        let last_bracket = source.iter().rposition(|char| *char == Source::Plain(']')).unwrap_or(0);
        while let Some(char) = source.get(at) {
            at += 1;
            match char {
                Source::Plain('*') => {
                    if tokens.last() != Some(&Token::Star) {
                        tokens.push(Token::Star);
                    }
                }
                Source::Plain('?') => tokens.push(Token::Any),
                Source::Plain('[') if at < last_bracket => match read_set(&source[at..]) {
                    Some((set, length)) => {
                        at += length;
                        tokens.push(Token::Set(set));
                    }
                    None if source[at..].contains(&Source::Unknown) => tokens.push(Token::Unknown),
                    None => tokens.push(Token::Char('[')),
                },
                Source::Plain('\\') => match source.get(at) {
                    Some(Source::Plain(next) | Source::Quoted(next)) => {
                        at += 1;
                        tokens.push(Token::Char(*next));
                    }
                    _ => tokens.push(Token::Char('\\')),
                },
                Source::Plain(char) | Source::Quoted(char) => tokens.push(Token::Char(*char)),
                Source::Unknown => tokens.push(Token::Unknown),
            }
        }
        Self { tokens }
    }

    /// Whether the pattern is plain text.
    pub(crate) fn is_plain(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Char(_)))
    }

    /// Returns the text that a pattern without special characters matches.
    pub(crate) fn plain_text(&self) -> Option<String> {
        self.tokens
            .iter()
            .map(|token| if let Token::Char(char) = token { Some(*char) } else { None })
            .collect()
    }

    /// Whether the pattern has text that is not known.
    pub(crate) fn has_unknown(&self) -> bool {
        self.tokens.contains(&Token::Unknown)
    }

    /// Whether the pattern matches every text.
    pub(crate) fn matches_all(&self) -> bool {
        self.tokens == [Token::Star]
    }

    /// Whether the pattern matches a whole text: `None` if unknown.
    pub(crate) fn matches(&self, text: &str) -> Option<bool> {
        let known = self.tokens.iter().position(|token| *token == Token::Unknown);
        match known {
            None if self.tokens.len().saturating_mul(text.len()) > MOST_WORK => None,
            None => Some(self.matches_chars(&text.chars().collect::<Vec<_>>())),
            Some(end) => self.refuses_prefix(text, &self.tokens[..end]).then_some(false),
        }
    }

    /// Whether the pattern matches a text of which only the beginning is known: `None` if unknown.
    pub(crate) fn matches_beginning(&self, prefix: &str) -> Option<bool> {
        if self.matches_all() {
            return Some(true);
        }
        if let [head @ .., Token::Star] = self.tokens.as_slice()
            && !head.iter().any(|token| matches!(token, Token::Star | Token::Unknown))
            && head.len() <= prefix.chars().count()
        {
            return Some(!self.refuses_prefix(prefix, head));
        }
        let end = self.tokens.iter().position(|token| matches!(token, Token::Star | Token::Unknown));
        let head = &self.tokens[..end.unwrap_or(self.tokens.len())];
        let too_long = end.is_none() && prefix.chars().count() > head.len();
        (too_long || self.refuses_prefix(prefix, head)).then_some(false)
    }

    /// Whether the first tokens do not match the first characters of a text.
    fn refuses_prefix(&self, text: &str, head: &[Token]) -> bool {
        text.chars()
            .zip(head.iter().take_while(|token| !matches!(token, Token::Star)))
            .any(|(char, token)| !matches_one(token, char))
    }

    /// Whether finding a part of this text takes more time than a script is worth.
    pub(crate) fn is_too_long_for(&self, text: &[char]) -> bool {
        text.len().saturating_mul(text.len()).saturating_mul(self.tokens.len()) > MOST_WORK
    }

    /// Returns the length of the part that `${x#p}` and `${x%p}` remove, in characters.
    pub(crate) fn matching_end(&self, text: &[char], side: Side, size: Size) -> Option<usize> {
        let lengths = 0..=text.len();
        let part = |length: usize| match side {
            Side::Front => &text[..length],
            Side::Back => &text[text.len() - length..],
        };
        match size {
            Size::Shortest => lengths.into_iter().find(|length| self.matches_chars(part(*length))),
            Size::Longest => lengths.into_iter().rev().find(|length| self.matches_chars(part(*length))),
        }
    }

    /// Matches without recursion: only the last star needs to be tried again.
    pub(crate) fn matches_chars(&self, text: &[char]) -> bool {
        let (mut token, mut char) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while char < text.len() {
            match self.tokens.get(token) {
                Some(Token::Star) => {
                    retry = Some((token + 1, char));
                    token += 1;
                    continue;
                }
                Some(found) if matches_one(found, text[char]) => {
                    token += 1;
                    char += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after_star, from)) = retry else { return false };
            retry = Some((after_star, from + 1));
            (token, char) = (after_star, from + 1);
        }
        self.tokens[token..].iter().all(|token| *token == Token::Star)
    }
}

/// The side of a text that a pattern removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Front,
    Back,
}

/// Which of several matching parts a pattern removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Shortest,
    Longest,
}

fn matches_one(token: &Token, char: char) -> bool {
    match token {
        Token::Char(expected) => *expected == char,
        Token::Any => true,
        Token::Set(set) => set.contains(char),
        Token::Star | Token::Unknown => true,
    }
}

/// The most comparisons of characters for one match: beyond, the answer is unknown.
const MOST_WORK: usize = 1_000_000;

/// The longest bracket expression that is read. Longer ones are text.
const LONGEST_SET: usize = 256;

/// Reads the rest of a bracket expression after `[`, and returns how many characters it took.
fn read_set(source: &[Source]) -> Option<(Set, usize)> {
    let source = &source[..source.len().min(LONGEST_SET)];
    let mut set = Set { negated: false, ranges: Vec::new(), classes: Vec::new() };
    let mut at = 0;
    if matches!(source.first(), Some(Source::Plain('!' | '^'))) {
        set.negated = true;
        at = 1;
    }
    let first = at;
    loop {
        match source.get(at)? {
            Source::Plain(']') if at > first => return Some((set, at + 1)),
            Source::Plain('[') if source.get(at + 1) == Some(&Source::Plain(':')) => {
                let (class, length) = read_class(&source[at + 2..])?;
                set.classes.push(class);
                at += 2 + length;
            }
            Source::Plain('/') | Source::Unknown => return None,
            Source::Plain(low) | Source::Quoted(low) => {
                let range = match (source.get(at + 1), source.get(at + 2)) {
                    (Some(Source::Plain('-')), Some(Source::Plain(high) | Source::Quoted(high)))
                        if source[at + 2] != Source::Plain(']') =>
                    {
                        at += 2;
                        (*low, *high)
                    }
                    _ => (*low, *low),
                };
                set.ranges.push(range);
                at += 1;
            }
        }
    }
}

/// Reads a class name and `:]`.
fn read_class(source: &[Source]) -> Option<(String, usize)> {
    let mut class = String::new();
    for (at, char) in source.iter().enumerate() {
        match char {
            Source::Plain(':') if source.get(at + 1) == Some(&Source::Plain(']')) => {
                return Some((class, at + 2));
            }
            Source::Plain(char) if char.is_ascii_lowercase() => class.push(*char),
            _ => return None,
        }
    }
    None
}
