//! Here-documents: the lines that follow `RUN <<EOF` up to `EOF`.

use super::error::Problem;
use super::lexer::{LexError, Raw, words};

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The line that ends it.
    pub name: String,
    /// Whether variables in it are replaced: they are not when a part of the name is quoted.
    pub expand: bool,
    /// Whether tabs at the beginning of its lines are dropped (`<<-`).
    pub chomp: bool,
    /// Its lines, without the one that ends it.
    pub content: String,
    /// The number of its first line in the file, counted from 1.
    pub line: usize,
}

impl Heredoc {
    /// Whether a line ends it.
    pub(super) fn ends_at(&self, line: &str) -> bool {
        let line = line.trim_end_matches(['\r', '\n']);
        let line = if self.chomp { line.trim_start_matches('\t') } else { line };
        line == self.name
    }
}

/// The here-documents that an instruction's line announces, without content.
pub(super) fn announced(line: &str) -> Result<Vec<Heredoc>, Problem> {
    if !line.contains("<<") {
        return Ok(Vec::new());
    }
    // A line whose words cannot be told apart announces none, as BuildKit has it.
    let words = words(line, Raw::All).unwrap_or_default();
    words.iter().filter_map(|word| from_word(word).transpose()).collect()
}

/// `^(\d*)<<(-?)\s*([^<]*)$`
fn from_word(word: &str) -> Result<Option<Heredoc>, Problem> {
    let Some(mark) = word.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("<<") else {
        return Ok(None);
    };
    let (chomp, name) = mark.strip_prefix('-').map_or((false, mark), |name| (true, name));
    let name = name.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    if name.is_empty() || name.contains('<') {
        return Ok(None);
    }
    let unreadable = |_: LexError| Problem::HeredocName(word.to_owned());
    let bare = words(name, Raw::Nothing).map_err(unreadable)?;
    let [bare] = bare.as_slice() else { return Ok(None) };
    let raw = words(name, Raw::Quotes).map_err(unreadable)?.concat();
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = quotes(bare) == quotes(&raw);
    Ok(Some(Heredoc { name: bare.clone(), expand, chomp, content: String::new(), line: 0 }))
}
