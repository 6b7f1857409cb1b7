//! The words of GOFLAGS.

/// Splits GOFLAGS as go does (cmd/internal/quoted, `Split`): a word in quotes of either kind may have spaces, has no escapes,
/// and ends with its quote. A quote inside a word is a character of it. Go refuses a quote without its end.
pub(super) fn words(flags: &str) -> Vec<&str> {
    let is_space = |c: char| [' ', '\t', '\n', '\r'].contains(&c);
    let mut words = Vec::new();
    let mut rest = flags.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let (word, after) = match rest.strip_prefix(['\'', '"']) {
            Some(quoted) => quoted.split_once(first).unwrap_or((quoted, "")),
            None => rest.split_at(rest.find(is_space).unwrap_or(rest.len())),
        };
        words.push(word);
        rest = after.trim_start_matches(is_space);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_whole_or_not_at_all() {
        for (flags, expected) in [
            ("", &[][..]),
            (" \t-a  -b=c\n", &["-a", "-b=c"]),
            ("'-ldflags=-X main.version=9' -v", &["-ldflags=-X main.version=9", "-v"]),
            ("\"-ldflags=-X 'main.v=a b'\"", &["-ldflags=-X 'main.v=a b'"]),
            ("-ldflags='-s -w'", &["-ldflags='-s", "-w'"]),
            ("'-a''-b'-c", &["-a", "-b", "-c"]),
            ("'-a -b", &["-a -b"]),
            ("''", &[""]),
        ] {
            assert_eq!(words(flags), expected, "{flags}");
        }
    }
}
