//! The flags of an instruction: `--mount=type=cache,target=/x`.

/// A flag of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without its dashes: `platform`.
    pub name: String,
    /// The value, where one is given.
    pub value: Option<String>,
}

impl Flag {
    fn parse(word: &str) -> Self {
        let bare = word.strip_prefix("--").unwrap_or(word);
        match bare.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: bare.to_owned(), value: None },
        }
    }

    /// The value of a key in a flag whose value is a list such as `type=cache,target=/x`.
    pub fn key(&self, key: &str) -> Option<&str> {
        self.value.as_deref()?.split(',').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            name.trim().eq_ignore_ascii_case(key).then(|| value.trim())
        })
    }
}

/// The flags at the beginning of an instruction's arguments, and where the arguments go on.
pub(super) fn take_flags(text: &str, escape: char) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut position = 0;
    loop {
        let rest = &text[position..];
        let blanks = rest.len() - rest.trim_start().len();
        let start = position + blanks;
        if !text[start..].starts_with("--") {
            return (flags, start);
        }
        let (word, end, quoted) = take_word(&text[start..], escape);
        position = start + end;
        if word == "--" {
            return (flags, position);
        }
        if quoted || !word.is_empty() {
            flags.push(Flag::parse(&word));
        }
    }
}

/// A word without its quotes and escapes, its length in the text, and whether it had quotes.
fn take_word(text: &str, escape: char) -> (String, usize, bool) {
    let mut word = String::new();
    let mut quote = None;
    let mut quoted = false;
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match quote {
            None if character.is_whitespace() => return (word, position, quoted),
            None if character == '\'' || character == '"' => (quote, quoted) = (Some(character), true),
            Some(open) if character == open => quote = None,
            _ if character == escape => word.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => word.push(character),
        }
    }
    (word, text.len(), quoted)
}
