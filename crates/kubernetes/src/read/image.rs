//! An image of a file, and the edit that pins it.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::edit::{Edit, Pinning};
use crate::error::{ManifestError, Problem};
use crate::yaml::{Id, Scalar};

use super::Reader;

/// An image that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// The reference, as the file means it: `registry.example/app:1`, perhaps with a digest.
    pub reference: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The reason why the image stays as it is: kustomize replaces it. See [`link_kustomizations`](crate::link_kustomizations).
    pub replaced: Option<&'static str>,
    /// Whether the entries of `images` of a kustomization apply to it.
    pub(super) is_for_kustomize: bool,
    edit: Place,
    pub(super) at: Id,
}

/// A text that looks like an image and was not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Untouched {
    /// The line, from 1.
    pub line: usize,
    /// The value; empty if it is within a text.
    pub value: String,
    /// Its place, such as `environment variable IMAGE`.
    pub place: String,
}

/// Where a digest goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    start: usize,
    end: usize,
    before: String,
    after: String,
    /// The first byte of the reference, if it is written in one piece.
    whole: Option<usize>,
    /// The bytes of `:tag` before `start`, which can be dropped; 0 if the tag must stay.
    tag: usize,
}

impl Image {
    /// Returns the edit that adds a digest (`sha256:…`). A tag that is a field of its own is always kept.
    pub fn pin(&self, digest: &str, pinning: Pinning) -> Edit {
        let dropped = match pinning {
            Pinning::KeepTag => 0,
            Pinning::DropTag => self.edit.tag,
        };
        Edit {
            start: self.edit.start - dropped,
            end: self.edit.end,
            text: format!("{}{digest}{}", self.edit.before, self.edit.after),
        }
    }

    /// Returns the edit that replaces the whole reference; `None` if it is not written in one piece.
    pub fn replace(&self, reference: &str) -> Option<Edit> {
        let start = self.edit.whole?;
        Some(Edit { start, end: self.edit.end, text: reference.to_owned() })
    }

    /// Returns whether the reference has a digest already.
    pub fn is_pinned(&self) -> bool {
        self.reference.contains('@')
    }
}

impl Reader<'_> {
    /// Takes a scalar that is a reference.
    pub(super) fn reference(&mut self, at: Id, field: &str) -> Result<(), ManifestError> {
        let scalar = self.tag(at, field)?;
        let (reference, end) = (scalar.value.clone(), self.image_end(at, scalar)?);
        // `host:5000/app` has no tag.
        let tag = reference.rfind(':').filter(|colon| !reference[*colon..].contains('/'));
        let tag = tag.map(|colon| &reference[colon..]).filter(|tag| self.text[..end].ends_with(tag));
        let whole = self.text[..end].ends_with(&reference).then(|| end - reference.len());
        let tag = tag.map_or(0, str::len);
        let place = Place { start: end, end, before: "@".to_owned(), after: String::new(), whole, tag };
        self.take(at, reference, place);
        Ok(())
    }

    /// Takes an image of several fields, whose digest replaces the given bytes between two texts.
    pub(super) fn composed(&mut self, at: Id, reference: String, range: Range<usize>, around: [&str; 2]) {
        let [before, after] = around.map(str::to_owned);
        self.take(
            at,
            reference,
            Place { start: range.start, end: range.end, before, after, whole: None, tag: 0 },
        );
    }

    /// Returns the image of an entry of a kustomization whose reference is not known yet.
    pub(super) fn spare(&self, at: Id, range: Range<usize>, around: [&str; 2]) -> Image {
        let [before, after] = around.map(str::to_owned);
        let edit = Place { start: range.start, end: range.end, before, after, whole: None, tag: 0 };
        self.image(at, String::new(), edit)
    }

    fn take(&mut self, at: Id, reference: String, edit: Place) {
        let image = self.image(at, reference, edit);
        if let Entry::Vacant(new) = self.taken.entry(at) {
            new.insert(0);
            self.file.images.push(image);
        }
    }

    fn image(&self, at: Id, reference: String, edit: Place) -> Image {
        let node = self.tree.node(at);
        let (line, column) = (node.line, node.column + 1);
        Image { reference, line, column, replaced: None, is_for_kustomize: false, edit, at }
    }

    /// Tells the images that kustomize replaces: those that stand only in fields that it looks at.
    pub(super) fn mark_for_kustomize(&mut self) {
        for image in &mut self.file.images {
            image.is_for_kustomize =
                self.in_containers.contains(&image.at) && !self.elsewhere.contains(&image.at);
        }
    }

    /// Refuses an image that an alias makes the value of a field that holds none.
    pub(super) fn shared(&self) -> Result<(), ManifestError> {
        let taken: BTreeMap<Id, usize> = self.taken.iter().map(|(at, aliases)| (*at, *aliases)).collect();
        for (at, aliases) in taken {
            let lines = self.tree.aliases(at);
            if let (true, Some(&line), Some(image)) =
                (lines.len() > aliases, lines.last(), self.tree.text(at))
            {
                let image = image.to_owned();
                return Err(self.error(at, Problem::Shared { image, line }));
            }
        }
        Ok(())
    }

    /// Returns a scalar that must be a string without variables of other tools.
    pub(super) fn value(&self, at: Id, name: &str) -> Result<&Scalar, ManifestError> {
        let Some(scalar) = self.tree.scalar(at) else {
            return Err(self.error(at, Problem::NotText(name.to_owned())));
        };
        if scalar.value.contains("{{") {
            return Err(self.error(at, Problem::Template(scalar.value.clone())));
        }
        match ["${", "$("].iter().any(|variable| scalar.value.contains(variable)) {
            true => Err(self.error(at, Problem::Variable(scalar.value.clone()))),
            false => Ok(scalar),
        }
    }

    /// Returns a tag or digest, which must be a string to YAML: `1.10` is a number.
    pub(super) fn tag(&self, at: Id, name: &str) -> Result<&Scalar, ManifestError> {
        let scalar = self.value(at, name)?;
        match scalar.is_number() {
            true => Err(self.error(at, Problem::Number(scalar.value.clone()))),
            false if scalar.is_boolean() => Err(self.error(at, Problem::NotText(name.to_owned()))),
            false => Ok(scalar),
        }
    }

    /// Returns the byte at which a digest is added to a scalar.
    pub(super) fn image_end(&self, at: Id, scalar: &Scalar) -> Result<usize, ManifestError> {
        let value = scalar.value.trim_end();
        if value.is_empty() && !scalar.is_null() {
            return Err(self.error(at, Problem::Blank));
        }
        if scalar.value.ends_with('\n') {
            return Err(self.error(at, Problem::LineBreak(value.to_owned())));
        }
        scalar.value_end.ok_or_else(|| self.error(at, Problem::Spread(value.to_owned())))
    }

    /// Returns the bytes of an empty value that a digest replaces, and the text before the digest.
    pub(super) fn empty(&self, key: Id, value: Id) -> (Range<usize>, &'static str) {
        let node = self.tree.node(value);
        let scalar = self.tree.scalar(value);
        if let Some(scalar) = scalar.filter(|scalar| scalar.end > node.start) {
            // Between the quotes, or instead of `null`.
            let quoted = matches!(self.text.as_bytes()[node.start], b'"' | b'\'');
            return match quoted {
                true => (node.start + 1..node.start + 1, ""),
                false => (node.start..scalar.end, ""),
            };
        }
        // Nothing is written; the parser's position may be in a later line.
        let after_key = self.tree.scalar(key).map_or(node.start, |key| key.end);
        let colon = self.text[after_key..].find(':').map_or(after_key, |colon| after_key + colon + 1);
        (colon..colon, " ")
    }
}
