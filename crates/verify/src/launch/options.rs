//! The options of launchers, read as `getopt_long` of the C library reads them before the first operand.

use super::process::Word;

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Required,
    /// Only as part of the same word: `--name=value`, `-nvalue`.
    Attached,
}

/// The options of a program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grammar {
    /// As `getopt` takes them: a colon after an option with a value, two after one whose value must be attached.
    pub(super) short: &'static str,
    pub(super) long: &'static [(&'static str, Value)],
}

/// An option that was given, by its letter or its long name, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: Option<Word>,
}

/// The error for options that a program refuses, or that depend on unknown words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OptionError {
    /// The program has no such option, or the option's value is missing.
    Refused(String),
    /// The word is only known at run time.
    Unknown(String),
}

/// Returns whether one of these options was given.
pub(super) fn is_given(options: &[Given], names: &[&str]) -> bool {
    options.iter().any(|option| names.contains(&&*option.name))
}

/// Returns the value of the last of these options that was given.
pub(super) fn value_of<'o>(options: &'o [Given], names: &[&str]) -> Option<&'o Word> {
    options.iter().rev().find(|option| names.contains(&&*option.name))?.value.as_ref()
}

impl Grammar {
    /// Reads the options at the beginning of `words`; returns them with the words that follow.
    pub(super) fn read<'w>(&self, words: &'w [Word]) -> Result<(Vec<Given>, &'w [Word]), OptionError> {
        let mut given = Vec::new();
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let text = word.known().ok_or_else(|| OptionError::Unknown(word.to_string()))?;
            if text == "--" {
                return Ok((given, after));
            }
            if let Some(long) = text.strip_prefix("--").filter(|_| !self.long.is_empty()) {
                rest = self.long_option(long, after, &mut given)?;
            } else if text.len() > 1 && text.starts_with('-') {
                rest = self.short_options(&text[1..], after, &mut given)?;
            } else {
                break;
            }
        }
        Ok((given, rest))
    }

    fn long_option<'w>(
        &self,
        text: &str,
        rest: &'w [Word],
        given: &mut Vec<Given>,
    ) -> Result<&'w [Word], OptionError> {
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(Word::Known(value.to_owned()))),
            None => (text, None),
        };
        let refused = || OptionError::Refused(format!("--{text}"));
        // A beginning that fits only one option names it (getopt_long(3)).
        let exact = self.long.iter().find(|(long, _)| *long == name);
        let mut beginnings = self.long.iter().filter(|(long, _)| long.starts_with(name));
        let (name, kind) = match (exact, beginnings.next(), beginnings.next()) {
            (Some(option), ..) | (None, Some(option), None) => *option,
            _ => return Err(refused()),
        };
        let (value, rest) = match (kind, attached) {
            (Value::None, Some(_)) => return Err(refused()),
            (Value::Required, None) => {
                let (value, rest) = rest.split_first().ok_or_else(refused)?;
                (Some(value.clone()), rest)
            }
            (_, value) => (value, rest),
        };
        given.push(Given { name: name.to_owned(), value });
        Ok(rest)
    }

    fn short_options<'w>(
        &self,
        letters: &str,
        rest: &'w [Word],
        given: &mut Vec<Given>,
    ) -> Result<&'w [Word], OptionError> {
        for (at, letter) in letters.char_indices() {
            let refused = || OptionError::Refused(format!("-{letter}"));
            let place = self.short.find(letter).filter(|_| letter != ':').ok_or_else(refused)?;
            let behind = &self.short[place + letter.len_utf8()..];
            let attached = &letters[at + letter.len_utf8()..];
            let name = letter.to_string();
            if !behind.starts_with(':') {
                given.push(Given { name, value: None });
                continue;
            }
            if behind.starts_with("::") || !attached.is_empty() {
                let value = (!attached.is_empty()).then(|| Word::Known(attached.to_owned()));
                given.push(Given { name, value });
                return Ok(rest);
            }
            let (value, rest) = rest.split_first().ok_or_else(refused)?;
            given.push(Given { name, value: Some(value.clone()) });
            return Ok(rest);
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: Grammar = Grammar {
        short: "ab:c::",
        long: &[("all", Value::None), ("base", Value::Required), ("bare", Value::Attached)],
    };

    fn read(line: &str) -> Result<(String, String), OptionError> {
        let words: Vec<Word> = line.split_whitespace().map(|word| Word::Known(word.to_owned())).collect();
        let (given, rest) = GRAMMAR.read(&words)?;
        let given = given.iter().map(|option| match &option.value {
            Some(value) => format!("{}={value}", option.name),
            None => option.name.clone(),
        });
        let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
        Ok((given.collect::<Vec<_>>().join(" "), rest.join(" ")))
    }

    #[test]
    fn options_are_read_as_getopt_does() {
        let refused = |text: &str| Err(OptionError::Refused(text.to_owned()));
        for (line, options, rest) in [
            ("/app -a", "", "/app -a"),
            ("-a -- -b", "a", "-b"),
            ("-ab x y", "a b=x", "y"),
            ("-bx -c -cz y", "b=x c c=z", "y"),
            ("--all --base x --base=y --bare=z - w", "all base=x base=y bare=z", "- w"),
            ("--al", "all", ""),
        ] {
            assert_eq!(read(line), Ok((options.to_owned(), rest.to_owned())), "{line}");
        }
        for (line, option) in
            [("-x", "-x"), ("-b", "-b"), ("-:", "-:"), ("--ba x", "--ba"), ("--all=x", "--all=x")]
        {
            assert_eq!(read(line), refused(option), "{line}");
        }
        let unknown = [Word::Unknown("$OPTIONS".to_owned())];
        assert_eq!(GRAMMAR.read(&unknown), Err(OptionError::Unknown("$OPTIONS".to_owned())));
    }
}
