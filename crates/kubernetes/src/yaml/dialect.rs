//! Text that kubectl reads and the parser refuses, in a form that the parser reads. Every character keeps its place.

/// A part of a text that is parsed by itself.
pub(super) struct Part<'t> {
    pub(super) text: &'t str,
    /// The number of characters before it.
    pub(super) index: usize,
    /// The number of lines before the one that it starts in.
    pub(super) line: usize,
    /// The number of characters before it in this line.
    pub(super) column: usize,
}

/// Splits a text before JSON objects without `---` between them, and before documents that start with a byte order mark, as
/// joined files have them; any other text is one part.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut left = text;
    let (mut index, mut line, mut column) = (0, 0, 0);
    while let Some(length) = object_before_another(left).or_else(|| document_before_mark(left)) {
        let (part, rest) = left.split_at(length);
        parts.push(Part { text: part, index, line, column });
        index += part.chars().count();
        let breaks = part.matches('\n').count();
        let tail = part.rsplit('\n').next().unwrap_or_default().chars().count();
        (line, column) = (line + breaks, if breaks == 0 { column + tail } else { tail });
        left = rest;
    }
    parts.push(Part { text: left, index, line, column });
    parts
}

/// Returns the length of the documents before one that starts with a byte order mark.
fn document_before_mark(text: &str) -> Option<usize> {
    let marks = text.match_indices("\n\u{feff}").map(|(at, _)| at);
    let mut starts = marks.filter(|at| text[..*at].trim_end_matches('\r').ends_with("\n---"));
    starts.next().map(|at| at + 1)
}

/// Returns the length of an object, with the blanks around it, that another object follows.
fn object_before_another(text: &str) -> Option<usize> {
    let blank = |from: usize| text[from..].len() - text[from..].trim_start().len();
    let start = blank(0);
    if !text[start..].starts_with('{') {
        return None;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let next = at + 1 + blank(at + 1);
                    return text[next..].starts_with('{').then_some(next);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns a text with spaces for tabs after colons, which libyaml reads, and with other escapes for the surrogate pairs of
/// JSON; `None` if it has neither.
pub(super) fn rewritten(text: &str) -> Option<String> {
    let mut rewritten = text.replace(":\t", ": ");
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        let pairs: Vec<usize> =
            text.match_indices("\\u").map(|(at, _)| at).filter(|at| is_pair(&text[*at..])).collect();
        for at in pairs {
            rewritten.replace_range(at..at + 12, "\\ufffd\\ufffd");
        }
    }
    (rewritten != text).then_some(rewritten)
}

/// Returns whether a text starts with `\uD8xx\uDCxx`.
fn is_pair(text: &str) -> bool {
    pair(text).is_some()
}

/// Returns the character of the `\uD8xx\uDCxx` that a text starts with.
fn pair(text: &str) -> Option<char> {
    let unit = |at: usize| u16::from_str_radix(text.get(at..at + 4)?, 16).ok();
    let units = [unit(2)?, unit(8).filter(|_| text.get(6..8) == Some("\\u"))?];
    // Two units are one character only if they are a pair.
    char::decode_utf16(units).next()?.ok().filter(|character| *character >= '\u{10000}')
}

/// Returns JSON with YAML's escapes for surrogate pairs.
pub(crate) fn surrogate_pairs(text: &str) -> String {
    let mut rewritten = String::with_capacity(text.len());
    let mut left = text;
    while let Some(at) = left.find('\\') {
        let (before, rest) = left.split_at(at);
        rewritten.push_str(before);
        let length = match pair(rest).filter(|_| rest.starts_with("\\u")) {
            Some(character) => {
                rewritten.push_str(&format!("\\U{:08x}", u32::from(character)));
                12
            }
            None => {
                let length = rest.chars().take(2).map(char::len_utf8).sum();
                rewritten.push_str(&rest[..length]);
                length
            }
        };
        left = &rest[length..];
    }
    rewritten + left
}

/// Splits JSON objects that follow each other.
pub(crate) fn json_objects(text: &str) -> Vec<&str> {
    let mut objects = Vec::new();
    let mut left = text;
    while let Some(length) = object_before_another(left) {
        let (object, rest) = left.split_at(length);
        objects.push(object);
        left = rest;
    }
    objects.push(left);
    objects
}
