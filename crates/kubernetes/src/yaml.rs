//! A file as a tree of nodes with byte positions.

mod dialect;
mod offsets;
mod scalar;

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use crate::error::{ManifestError, Problem};
pub(crate) use dialect::{json_objects, surrogate_pairs};
use offsets::Offsets;

pub(crate) type Id = usize;

/// The nodes of all documents of a file. An alias is the node that it names.
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// The lines of the aliases that name a node.
    aliases: HashMap<Id, Vec<usize>>,
    /// The root of each document.
    pub(crate) documents: Vec<Id>,
}

pub(crate) struct Node {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column in characters, from 0.
    pub(crate) column: usize,
    /// The first byte after the tag and the anchor.
    pub(crate) start: usize,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Scalar(Scalar),
    Mapping(Vec<(Id, Id)>),
    Sequence(Vec<Id>),
}

pub(crate) struct Scalar {
    pub(crate) value: String,
    style: ScalarStyle,
    /// The byte after the last one that means a character of the value; `None` if the value is spread over lines in a way
    /// that no image is.
    pub(crate) value_end: Option<usize>,
    /// The byte after the scalar with its quotes.
    pub(crate) end: usize,
}

/// A mapping or sequence that is being read.
struct Open {
    id: Id,
    key: Option<Id>,
}

struct Builder<'t> {
    file: &'t str,
    text: &'t str,
    offsets: Offsets<'t>,
    tree: Tree,
    open: Vec<Open>,
    anchors: HashMap<usize, Id>,
}

/// Parses a text.
pub(crate) fn parse(file: &str, text: &str) -> Result<Tree, ManifestError> {
    let refused = match parse_as(file, text, text) {
        Err(error) if matches!(error.problem, Problem::Syntax(_)) => error,
        parsed => return parsed,
    };
    match dialect::rewritten(text) {
        Some(other) => parse_as(file, text, &other),
        None => Err(refused),
    }
}

/// Parses a text in a form that the parser reads, in which every character has the place that it has in the text.
fn parse_as(file: &str, text: &str, readable: &str) -> Result<Tree, ManifestError> {
    let tree = Tree { nodes: Vec::new(), aliases: HashMap::new(), documents: Vec::new() };
    let mut builder =
        Builder { file, text, offsets: Offsets::new(text), tree, open: Vec::new(), anchors: HashMap::new() };
    for part in dialect::parts(readable) {
        let within = |at: &Marker| {
            let column = if at.line() == 1 { part.column } else { 0 };
            Marker::new(part.index + at.index(), part.line + at.line(), column + at.col())
        };
        builder.anchors.clear();
        for event in Parser::new_from_str(part.text) {
            let (event, span) = event.map_err(|error| {
                let at = within(error.marker());
                builder.error(&at, builder.syntax(&at, error.info()))
            })?;
            builder.take(event, &within(&span.start))?;
        }
    }
    Ok(builder.tree)
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, start: &Marker) -> Result<(), ManifestError> {
        match event {
            Event::Scalar(value, style, anchor, _) => {
                let scalar = scalar::locate(self.text, self.start(start), value.into_owned(), style);
                let id = self.add(start, anchor, Content::Scalar(scalar));
                self.place(id)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(start, anchor, Content::Sequence(Vec::new()))?,
            Event::MappingStart(anchor, _) => {
                self.begin(start, anchor, Content::Mapping(Vec::new()))?;
                let at = self.start(start);
                if self.text[at..].starts_with("{{") {
                    let line = self.text[at..].lines().next().unwrap_or_default();
                    return Err(self.error(start, Problem::Template(line.trim_end().to_owned())));
                }
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Alias(anchor) => {
                // An anchor of another document is unknown to the parser, too.
                let Some(&id) = self.anchors.get(&anchor) else { return Ok(()) };
                if self.open.iter().any(|open| open.id == id) {
                    return Err(self.error(start, Problem::Circle));
                }
                self.tree.aliases.entry(id).or_default().push(start.line());
                self.place(id)?;
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, start: &Marker, anchor: usize, content: Content) -> Result<(), ManifestError> {
        let id = self.add(start, anchor, content);
        self.place(id)?;
        self.open.push(Open { id, key: None });
        Ok(())
    }

    fn add(&mut self, start: &Marker, anchor: usize, content: Content) -> Id {
        let id = self.tree.nodes.len();
        let at = self.start(start);
        self.tree.nodes.push(Node { line: start.line(), column: start.col(), start: at, content });
        // 0 means without an anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    /// Returns the first byte of a node, without its tag and anchor.
    fn start(&self, at: &Marker) -> usize {
        scalar::skip_properties(self.text, self.offsets.byte(at.index()))
    }

    /// Puts a node into the mapping or sequence that is being read, or makes it a document.
    fn place(&mut self, id: Id) -> Result<(), ManifestError> {
        let Some(open) = self.open.last_mut() else {
            self.tree.documents.push(id);
            return Ok(());
        };
        let parent = open.id;
        match &mut self.tree.nodes[parent].content {
            Content::Sequence(items) => items.push(id),
            Content::Mapping(entries) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => open.key = Some(id),
            },
            Content::Scalar(_) => unreachable!("a scalar is never open"),
        }
        Ok(())
    }

    fn error(&self, at: &Marker, problem: Problem) -> ManifestError {
        ManifestError { file: self.file.to_owned(), line: at.line(), column: at.col() + 1, problem }
    }

    /// Returns the problem of a text that the parser refuses: templates have lines that are not YAML.
    fn syntax(&self, at: &Marker, reason: &str) -> Problem {
        let around = self.text.lines().take(at.line()).skip(at.line().saturating_sub(2));
        match around.map(str::trim).filter(|line| line.contains("{{")).last() {
            Some(line) => Problem::Template(line.to_owned()),
            None => Problem::Syntax(reason.to_owned()),
        }
    }
}

impl Scalar {
    fn is_plain(&self) -> bool {
        self.style == ScalarStyle::Plain
    }

    /// Returns whether the value is a text of lines of its own.
    pub(crate) fn is_block(&self) -> bool {
        matches!(self.style, ScalarStyle::Literal | ScalarStyle::Folded)
    }

    /// Returns whether the value is absent or empty.
    pub(crate) fn is_null(&self) -> bool {
        self.value.is_empty() || self.is_plain() && ["~", "null", "Null", "NULL"].contains(&&*self.value)
    }

    /// Returns whether YAML reads the value as true or false.
    pub(crate) fn is_boolean(&self) -> bool {
        self.is_plain() && ["true", "false"].contains(&&*self.value.to_lowercase())
    }

    /// Returns whether YAML reads the value as a number.
    pub(crate) fn is_number(&self) -> bool {
        let digits = self.value.trim_start_matches(['+', '-']);
        self.is_plain()
            && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && (self.value.parse::<f64>().is_ok()
                || digits.replace('_', "").parse::<u64>().is_ok()
                || is_radix(digits))
    }
}

/// Returns whether digits are a hexadecimal, octal or binary number.
fn is_radix(digits: &str) -> bool {
    [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, radix)| {
        digits.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, *radix).is_ok())
    })
}

impl Tree {
    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// Returns whether a text ends within a block scalar to which a further line break would be added: the parser adds one
    /// there that libyaml does not add.
    pub(crate) fn ends_in_value(&self, text: &str) -> bool {
        let last = (0..self.nodes.len()).rev().find_map(|id| self.scalar(id));
        last.is_some_and(|scalar| {
            let lines = scalar.value.trim_end_matches('\n');
            scalar.is_block()
                && scalar.value.ends_with('\n')
                && !lines.is_empty()
                && text.ends_with(lines.rsplit('\n').next().unwrap_or(lines))
        })
    }

    /// Returns the lines of the aliases that name a node.
    pub(crate) fn aliases(&self, id: Id) -> &[usize] {
        self.aliases.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn scalar(&self, id: Id) -> Option<&Scalar> {
        match &self.nodes[id].content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the value of a scalar.
    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        Some(&self.scalar(id)?.value)
    }

    /// Returns the entries of a mapping; none of anything else.
    pub(crate) fn entries(&self, id: Id) -> &[(Id, Id)] {
        match &self.nodes[id].content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence; none of anything else.
    pub(crate) fn items(&self, id: Id) -> &[Id] {
        match &self.nodes[id].content {
            Content::Sequence(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn is_sequence(&self, id: Id) -> bool {
        matches!(self.nodes[id].content, Content::Sequence(_))
    }

    /// Returns the entry of a mapping with a key: its own, else one that a merge key (`<<`) brings.
    pub(crate) fn entry(&self, id: Id, key: &str) -> Option<(Id, Id)> {
        let own = |id| self.entries(id).iter().copied().find(|(name, _)| self.text(*name) == Some(key));
        own(id).or_else(|| {
            let (_, merged) = own_key(self, id, "<<")?;
            [merged].iter().chain(self.items(merged)).find_map(|from| {
                self.entries(*from).iter().copied().find(|(name, _)| self.text(*name) == Some(key))
            })
        })
    }

    /// Returns the value of a key.
    pub(crate) fn get(&self, id: Id, key: &str) -> Option<Id> {
        Some(self.entry(id, key)?.1)
    }

    /// Returns the first key that a mapping has twice, as the first and the second node.
    pub(crate) fn duplicate(&self) -> Option<(Id, Id)> {
        self.nodes.iter().find_map(|node| {
            let Content::Mapping(entries) = &node.content else { return None };
            let mut seen = HashMap::with_capacity(entries.len());
            // Several merge keys are common and harmless.
            let keys = entries.iter().filter_map(|(key, _)| Some((self.text(*key)?, *key)));
            keys.filter(|(name, _)| *name != "<<")
                .find_map(|(name, key)| Some((seen.insert(name, key)?, key)))
        })
    }
}

fn own_key(tree: &Tree, id: Id, key: &str) -> Option<(Id, Id)> {
    tree.entries(id).iter().copied().find(|(name, _)| tree.text(*name) == Some(key))
}
