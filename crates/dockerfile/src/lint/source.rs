//! The file's lines, and corrections of them.
//!
//! A correction is a line that is known to be right. Where a text does not stand in its line as it is looked for, there
//! is none: a line that is nearly right costs more than a sentence that says what to do.

/// The lines of a file.
pub(super) struct Source<'a> {
    text: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, lines: text.lines().collect() }
    }

    /// Whether a text stands anywhere in the file.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// A line, counted from 1.
    pub(super) fn line(&self, number: usize) -> &'a str {
        self.lines.get(number.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// A line with the first `old` in it replaced, where `old` stands for itself and not in a longer word.
    pub(super) fn replaced(&self, number: usize, old: &str, new: &str) -> Option<String> {
        let line = self.line(number);
        let position = word(line, old)?;
        Some(spliced(line, position, old.len(), new))
    }

    /// A line with another value of an assignment (`NAME=value`, `NAME="value"`), of an option (`--name value`), or
    /// of an `ENV` in its old form, wherever it gives that value.
    pub(super) fn assigned(&self, number: usize, name: &str, value: &str, new: &str) -> Option<String> {
        let forms = ['"', '\''].map(|quote| format!("{quote}{value}{quote}")).into_iter();
        let mut forms = forms.chain([value.to_owned()]).flat_map(|value| {
            ["=", " "].map(|between| (format!("{name}{between}{value}"), format!("{name}{between}{new}")))
        });
        forms.find_map(|(old, new)| self.replaced_everywhere(number, &old, &new))
    }

    fn replaced_everywhere(&self, number: usize, old: &str, new: &str) -> Option<String> {
        let mut rest = self.line(number);
        word(rest, old)?;
        let mut replaced = String::new();
        while let Some(position) = word(rest, old) {
            let (before, after) = rest.split_at(position);
            replaced.extend([before, new]);
            rest = &after[old.len()..];
        }
        Some(replaced + rest)
    }

    /// A line with a text before the command that begins with two words.
    pub(super) fn before_command(&self, number: usize, words: [&str; 2], text: &str) -> Option<String> {
        let line = self.line(number);
        let position = line.match_indices(words[0]).map(|(position, _)| position).find(|position| {
            let after = line.get(position + words[0].len()..).unwrap_or_default();
            let next = after.split_whitespace().next();
            is_bounded(line, *position, words[0].len())
                && after.starts_with(char::is_whitespace)
                && (next == Some(words[1]) || next == Some("\\"))
        })?;
        Some(spliced(line, position, 0, text))
    }

    /// A line without a word and the blank beside it.
    pub(super) fn without(&self, number: usize, old: &str) -> Option<String> {
        let line = self.line(number);
        let position = word(line, old)?;
        let blank = line[position + old.len()..].starts_with(' ');
        Some(spliced(line, position, old.len() + usize::from(blank), ""))
    }
}

fn spliced(line: &str, position: usize, length: usize, new: &str) -> String {
    let (before, rest) = line.split_at(position);
    format!("{before}{new}{}", &rest[length..])
}

/// Where a text begins that is no part of a longer word.
fn word(line: &str, text: &str) -> Option<usize> {
    let found = line.match_indices(text).map(|(position, _)| position);
    (!text.is_empty()).then_some(found)?.find(|position| is_bounded(line, *position, text.len()))
}

fn is_bounded(line: &str, position: usize, length: usize) -> bool {
    let inside = |character: char| character.is_ascii_alphanumeric() || "_-./:@$".contains(character);
    let (before, rest) = line.split_at(position);
    !before.ends_with(inside) && !rest.get(length..).unwrap_or_default().starts_with(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        let source =
            Source::new("RUN mkdir /go/amd64 && GOARCH=\"amd64\" go build\nENV GOARCH amd64\nRUN go  build");
        assert_eq!(source.replaced(1, "amd6", "x"), None);
        assert_eq!(
            source.assigned(1, "GOARCH", "amd64", "$TARGETARCH").as_deref(),
            Some("RUN mkdir /go/amd64 && GOARCH=$TARGETARCH go build")
        );
        assert_eq!(source.assigned(2, "GOARCH", "amd64", "arm64").as_deref(), Some("ENV GOARCH arm64"));
        assert_eq!(
            source.before_command(1, ["go", "build"], "A=b ").as_deref(),
            Some("RUN mkdir /go/amd64 && GOARCH=\"amd64\" A=b go build")
        );
        assert_eq!(source.before_command(3, ["go", "build"], "A=b ").as_deref(), Some("RUN A=b go  build"));
        assert_eq!(source.before_command(2, ["go", "build"], "A=b "), None);
        assert_eq!(source.without(3, "go").as_deref(), Some("RUN  build"));
    }
}
