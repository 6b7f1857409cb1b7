//! Reads the paths in a source file from its tokens.

use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The paths in one file, and its modules for tests.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) references: Vec<Reference>,
    /// The modules in other files that are compiled only for tests.
    pub(super) test_modules: Vec<String>,
}

/// A path that begins with `crate`, `self` or `super`, or any path in a `use`.
#[derive(Debug)]
pub(super) struct Reference {
    /// The inline modules that enclose it.
    pub(super) inside: Vec<String>,
    pub(super) path: Vec<String>,
    /// The name under which a `use` imports it.
    pub(super) imported_as: Option<String>,
}

/// Parses a file. Panics if the text is not Rust; the message names `path`.
pub(super) fn read(path: &Path, text: &str) -> Source {
    let stream: TokenStream =
        text.parse().unwrap_or_else(|error| panic!("{} is not Rust: {error}", path.display()));
    let mut source = Source::default();
    source.walk(stream, &[]);
    source
}

impl Source {
    fn walk(&mut self, stream: TokenStream, inside: &[String]) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at..] {
                [TokenTree::Punct(sign), TokenTree::Group(attribute), ..]
                    if sign.as_char() == '#' && is_for_tests(attribute) =>
                {
                    self.skip_item(&tokens, at + 2)
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..]
                    if word == "mod" =>
                {
                    self.walk(body.stream(), &[inside, &[name.to_string()]].concat());
                    at + 3
                }
                [TokenTree::Ident(word), ..] if word == "use" => {
                    self.tree(&tokens, at + 1, Vec::new(), inside, true)
                }
                [TokenTree::Ident(word), ..]
                    if ["crate", "self", "super"].iter().any(|root| word == root)
                        && is_path_separator(&tokens, at + 1) =>
                {
                    self.tree(&tokens, at, Vec::new(), inside, false)
                }
                [TokenTree::Group(group), ..] => {
                    self.walk(group.stream(), inside);
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// Reads a path and all its branches; returns the index of the token after it.
    fn tree(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        mut path: Vec<String>,
        inside: &[String],
        import: bool,
    ) -> usize {
        // `use ::name` leads into another crate.
        if is_path_separator(tokens, at) {
            at += 2;
        }
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    path.push(word.to_string().trim_start_matches("r#").to_owned())
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                    let comma =
                        |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
                    for branch in branches.split(comma).filter(|branch| !branch.is_empty()) {
                        self.tree(branch, 0, path.clone(), inside, import);
                    }
                    return at + 1;
                }
                // `*` or the `<` of generic arguments ends the path.
                _ => {
                    self.add(path, None, inside);
                    return at;
                }
            }
            at += 1;
            if !is_path_separator(tokens, at) {
                break;
            }
            at += 2;
        }
        let alias = match &tokens[at..] {
            [TokenTree::Ident(word), TokenTree::Ident(name), ..] if import && word == "as" => {
                at += 2;
                Some(name.to_string())
            }
            _ => None,
        };
        // `a::{self}` means `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = alias.or_else(|| path.last().cloned()).filter(|_| import);
        self.add(path, name, inside);
        at
    }

    fn add(&mut self, path: Vec<String>, imported_as: Option<String>, inside: &[String]) {
        self.references.push(Reference { inside: inside.to_vec(), path, imported_as });
    }

    /// Returns the index of the token after an item that is compiled only for tests.
    fn skip_item(&mut self, tokens: &[TokenTree], mut at: usize) -> usize {
        let is_keyword = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word != "pub");
        let item = tokens[at..].iter().position(is_keyword).map_or(&[][..], |start| &tokens[at + start..]);
        if let [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(_), ..] = item
            && word == "mod"
        {
            self.test_modules.push(name.to_string());
        }
        let word = |index: usize| item.get(index).map(ToString::to_string).unwrap_or_default();
        // These items end with a semicolon even after braces; all others end with their braces.
        let by_semicolon =
            ["use", "const", "static", "type", "let"].contains(&word(0).as_str()) && word(1) != "fn";
        // A field or a match arm ends with a comma, which other items may contain.
        let whole = [
            "const",
            "mod",
            "fn",
            "impl",
            "struct",
            "enum",
            "trait",
            "unsafe",
            "async",
            "extern",
            "macro_rules",
        ];
        let by_comma = !by_semicolon && !whole.contains(&word(0).as_str());
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(sign) if sign.as_char() == ';' => return at,
                TokenTree::Punct(sign) if sign.as_char() == ',' && by_comma => return at,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !by_semicolon => {
                    return at;
                }
                _ => {}
            }
        }
        at
    }
}

/// Returns whether an attribute is `cfg(test)`, or `cfg` with `test` among other conditions and without `not`.
fn is_for_tests(attribute: &Group) -> bool {
    let text = attribute.stream().to_string();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    words.first() == Some(&"cfg")
        && words.contains(&"test")
        && !words.contains(&"not")
        && !words.contains(&"any")
}

/// Returns whether the token at an index begins `::`.
fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(sign)) if sign.as_char() == ':');
    colon(at) && colon(at + 1)
}
