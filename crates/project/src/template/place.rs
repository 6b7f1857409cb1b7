//! The places of names in a template, for messages. MiniJinja returns the names that a template uses, but not where.

use std::ops::Range;

/// Returns the first place where a template uses a name: inside of `{{ }}` or `{% %}`, outside of quotes, and as a whole
/// name. `None` if the name is spelled in another way, such as `git["short"]`.
pub(super) fn place_of(template: &str, name: &str) -> Option<Range<usize>> {
    let code = code(template);
    code.iter().find_map(|piece| {
        let text = template.get(piece.clone())?;
        let mut starts = text.match_indices(name).map(|(start, _)| start);
        let start = starts.find(|start| is_whole(text, *start..start + name.len()))?;
        Some(piece.start + start..piece.start + start + name.len())
    })
}

/// Returns whether a name neither continues another one nor is continued.
fn is_whole(text: &str, name: Range<usize>) -> bool {
    let continues = |character: char| character.is_alphanumeric() || character == '_';
    let before = text.get(..name.start).and_then(|before| before.chars().next_back());
    let after = text.get(name.end..).and_then(|after| after.chars().next());
    !before.is_some_and(|before| continues(before) || before == '.') && !after.is_some_and(continues)
}

/// Returns the parts of a template that are code, without quoted text.
fn code(template: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some((start, end_mark)) = next_mark(template, at) {
        let inside = start + "{{".len();
        if end_mark == "#}" {
            at = after(template, inside, end_mark);
            continue;
        }
        let end = statement(template, inside, end_mark, &mut pieces);
        at = if end_mark == "%}" && is_keyword(template, inside..end, "raw") {
            raw_end(template, end)
        } else {
            end
        };
    }
    pieces
}

/// Returns the next opening mark and the mark that ends what it opens.
fn next_mark(template: &str, from: usize) -> Option<(usize, &'static str)> {
    let rest = template.get(from..)?;
    let marks = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    let found = marks.iter().filter_map(|(open, close)| Some((from + rest.find(open)?, *close)));
    found.min_by_key(|(start, _)| *start)
}

/// Returns the place after the next occurrence of a mark, or the end.
fn after(template: &str, from: usize, mark: &str) -> usize {
    let found = template.get(from..).and_then(|rest| rest.find(mark));
    found.map_or(template.len(), |found| from + found + mark.len())
}

/// Collects the code of one expression or statement, and returns its end, after the closing mark.
fn statement(template: &str, from: usize, end_mark: &str, pieces: &mut Vec<Range<usize>>) -> usize {
    let rest = template.get(from..).unwrap_or_default();
    let (mut start, mut quote, mut escaped) = (from, None, false);
    for (offset, character) in rest.char_indices() {
        let at = from + offset;
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => (quote, start) = (None, at + 1),
            Some(_) => {}
            None if rest.get(offset..).is_some_and(|rest| rest.starts_with(end_mark)) => {
                pieces.push(start..at);
                return at + end_mark.len();
            }
            None if ['"', '\''].contains(&character) => {
                pieces.push(start..at);
                quote = Some(character);
            }
            None => {}
        }
    }
    if quote.is_none() {
        pieces.push(start..template.len());
    }
    template.len()
}

/// Returns the end of raw text: the place after its `{% endraw %}`.
fn raw_end(template: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(start) = template.get(at..).and_then(|rest| rest.find("{%")) {
        let inside = at + start + "{%".len();
        at = after(template, inside, "%}");
        if is_keyword(template, inside..at, "endraw") {
            return at;
        }
        at = inside;
    }
    template.len()
}

/// Returns whether a statement, with its closing mark, is only a keyword.
fn is_keyword(template: &str, statement: Range<usize>, keyword: &str) -> bool {
    let text = template.get(statement).unwrap_or_default().trim_end_matches("%}");
    // `-` and `+` decide about white space next to the statement.
    text.trim_matches(['-', '+']).trim() == keyword
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_code_and_not_in_text() {
        for (template, name, before) in [
            ("-X main.version={{versio}}", "versio", "-X main.version={{"),
            ("git.nope {{ git.nope }}", "git.nope", "git.nope {{ "),
            ("{{ version }}{{ versio }}", "versio", "{{ version }}{{ "),
            ("{{ git.nope }}{{ nope }}", "nope", "{{ git.nope }}{{ "),
            ("{{ 'nope' ~ \"no\\\"nope\" ~ nope }}", "nope", "{{ 'nope' ~ \"no\\\"nope\" ~ "),
            ("{{ '}} nope' ~ nope }}", "nope", "{{ '}} nope' ~ "),
            ("{# {{ nope }} #}{% if nope %}{% endif %}", "nope", "{# {{ nope }} #}{% if "),
            (
                "{%- raw -%}{{ nope }}{% x %}{%+ endraw -%}{{ nope }}",
                "nope",
                "{%- raw -%}{{ nope }}{% x %}{%+ endraw -%}{{ ",
            ),
            ("größe {{größ}}", "größ", "größe {{"),
        ] {
            assert_eq!(place_of(template, name), Some(before.len()..before.len() + name.len()), "{template}");
        }
    }

    #[test]
    fn other_spellings_and_broken_templates_have_no_place() {
        for template in
            ["{{ git['nope'] }}", "git.nope", "{{ 'git.nope", "{% raw %}{{ git.nope }}", "{#{{ git.nope"]
        {
            assert_eq!(place_of(template, "git.nope"), None, "{template}");
        }
    }
}
