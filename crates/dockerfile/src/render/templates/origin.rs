//! Provenance: which line of which template made an instruction of the file.

use std::iter;

use serde::Serialize;

/// The template line that made an instruction of a rendered Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Origin {
    /// The instruction's first line in the Dockerfile, counted from 1.
    pub line: usize,
    /// The template's name, as in `{% include %}`.
    pub template: String,
    /// The line of the template, counted from 1.
    pub template_line: usize,
}

/// Delimiters of a mark. They are unambiguous because a rendered value cannot have a control character.
const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';

/// Inserts a mark, such as `name:12`, before the first character of each line of a template that prints text.
pub(super) fn marked(name: &str, template: &str) -> String {
    let mut text = String::with_capacity(2 * template.len());
    let mut rest = template;
    let (mut line, mut unmarked) = (1, true);
    while let Some(next) = rest.chars().next() {
        // A mark inside a tag would be read as template code. A tag may span several lines.
        let tag = [("{%", "%}"), ("{#", "#}")].into_iter().find(|(open, _)| rest.starts_with(open));
        let length = match tag {
            Some((_, close)) => rest.find(close).map_or(rest.len(), |end| end + close.len()),
            None => next.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        if unmarked && tag.is_none() && !next.is_whitespace() {
            text.extend([OPEN.to_string(), format!("{name}:{line}"), CLOSE.to_string()]);
            unmarked = false;
        }
        text.push_str(part);
        let breaks = part.matches('\n').count();
        unmarked |= breaks > 0;
        line += breaks;
        rest = after;
    }
    text
}

/// Removes the marks, and returns the template and line of each line of the text.
pub(super) fn unmarked(text: &str) -> (String, Vec<Option<(String, usize)>>) {
    let mut plain = String::with_capacity(text.len());
    let mut made_by = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut pieces = line.split(OPEN);
        plain.extend(pieces.next());
        let mut first = None;
        for (mark, after) in pieces.filter_map(|piece| piece.split_once(CLOSE)) {
            let place =
                mark.rsplit_once(':').and_then(|(name, line)| Some((name.to_owned(), line.parse().ok()?)));
            first = first.or(place);
            plain.push_str(after);
        }
        made_by.push(first);
    }
    (plain, made_by)
}

/// Returns the origin of each instruction whose template line is known. `before` and `after` are the instructions'
/// lines before and after empty lines were collapsed.
pub(super) fn origins(
    made_by: &[Option<(String, usize)>],
    before: impl Iterator<Item = usize>,
    after: impl Iterator<Item = usize>,
) -> Vec<Origin> {
    let known = iter::zip(before, after).filter_map(|(before, line)| {
        let (template, template_line) = made_by.get(before.checked_sub(1)?)?.clone()?;
        Some(Origin { line, template, template_line })
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_text_is_marked_after_its_tags() {
        let template =
            "{% if a\n   or b %}\nFROM a\n  {% if c %}RUN b{% endif %}\n\n{# no\nmore #}{{ d }} e\n";
        let marked = marked("t", template).replace(OPEN, "<").replace(CLOSE, ">");
        assert_eq!(
            marked,
            "{% if a\n   or b %}\n<t:3>FROM a\n  {% if c %}<t:4>RUN b{% endif %}\n\n{# no\nmore #}<t:7>{{ d }} e\n"
        );
    }

    #[test]
    fn unmarked_removes_every_mark() {
        let (plain, made_by) = unmarked("\u{2}a:1\u{3}FROM \u{2}b:2\u{3}x\nno mark\n\n\u{2}a:9\u{3}RUN y");
        assert_eq!(plain, "FROM x\nno mark\n\nRUN y");
        let at = |name: &str, line| Some((name.to_owned(), line));
        assert_eq!(made_by, [at("a", 1), None, None, at("a", 9)]);
    }
}
