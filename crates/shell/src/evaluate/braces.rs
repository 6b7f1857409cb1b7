//! The brace expansion of bash: `/srv/{data,log}`.

use crate::syntax::tree::{Piece, Word};

/// The most words that one word becomes.
const MOST: usize = 256;

/// Returns the words that a word becomes. `None` if they are not computed: too many, and sequences such as `{1..3}`.
pub(super) fn expand(word: &Word) -> Option<Vec<Word>> {
    let (mut left, mut done) = (vec![word.clone()], Vec::new());
    while let Some(word) = left.pop() {
        match split(&word)? {
            Some(words) => left.extend(words.into_iter().rev()),
            None => done.push(word),
        }
        if left.len() + done.len() > MOST {
            return None;
        }
    }
    Some(done)
}

/// Splits a word at its first braces. The outer `None` if they are a sequence, the inner one if it has none.
fn split(word: &Word) -> Option<Option<Vec<Word>>> {
    for (at, piece) in word.pieces.iter().enumerate() {
        let Piece::Text { text, quoted: false } = piece else { continue };
        let Some(Braces { start, end, parts }) = find(text) else { continue };
        if parts.is_empty() {
            return None;
        }
        let with = |part: &str| {
            let mut word = word.clone();
            let text = format!("{}{part}{}", &text[..start], &text[end..]);
            word.pieces[at] = Piece::Text { text, quoted: false };
            word
        };
        return Some(Some(parts.into_iter().map(with).collect()));
    }
    Some(None)
}

/// Braces in a text, from their first byte to the one after them.
struct Braces<'t> {
    start: usize,
    end: usize,
    /// The texts between their commas; none for a sequence.
    parts: Vec<&'t str>,
}

/// Finds the first braces with a comma or `..` in them.
fn find(text: &str) -> Option<Braces<'_>> {
    for (start, _) in text.match_indices('{') {
        let (mut depth, mut from, mut parts) = (0_usize, start + 1, Vec::new());
        for (at, char) in text.bytes().enumerate().skip(start) {
            match char {
                b'{' => depth += 1,
                b',' if depth == 1 => {
                    parts.push(&text[from..at]);
                    from = at + 1;
                }
                b'}' if depth == 1 => {
                    let is_sequence = parts.is_empty() && text[from..at].contains("..");
                    if !parts.is_empty() {
                        parts.push(&text[from..at]);
                    }
                    if is_sequence || !parts.is_empty() {
                        return Some(Braces { start, end: at + 1, parts });
                    }
                    break;
                }
                b'}' => depth -= 1,
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Position;

    fn expanded(text: &str) -> Option<Vec<String>> {
        let pieces = vec![Piece::Text { text: text.to_owned(), quoted: false }];
        let words = expand(&Word { position: Position::FIRST, pieces })?;
        Some(words.iter().map(|word| word.plain().unwrap().to_owned()).collect())
    }

    /// As bash 5.2 prints them.
    #[test]
    fn braces_are_expanded_as_bash_does() {
        for (text, words) in [
            ("/srv/{a,b}", Some("/srv/a /srv/b")),
            ("{/usr,}/lib{/*,}/x", Some("/usr/lib/*/x /usr/lib/x /lib/*/x /lib/x")),
            ("a{b,c{d,e}}f", Some("abf acdf acef")),
            ("{a}{b,c}", Some("{a}b {a}c")),
            ("{a,b", Some("{a,b")),
            ("}{", Some("}{")),
            ("a{1..3}", None),
            ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", None),
        ] {
            assert_eq!(expanded(text).map(|words| words.join(" ")).as_deref(), words, "{text}");
        }
    }
}
